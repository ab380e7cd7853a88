"""Figures beside a peer or a bound, measured in one run."""
