"""Tier 0: sentences that are understood without a model."""
