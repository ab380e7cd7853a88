"""The skills that come with manyends, one file each."""
