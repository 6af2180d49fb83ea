"""Argument parsing only: each command calls one library function."""
