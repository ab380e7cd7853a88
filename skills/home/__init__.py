"""The home model and the bridges that really switch things."""
