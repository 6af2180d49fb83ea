"""Comparisons to run, and what they gave."""
