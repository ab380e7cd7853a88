"""Tests of what only the brain adds."""
