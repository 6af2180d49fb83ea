"""Writes the three task folders about the fictional Wharrowdale Hire Cooperative.

Run ``python -m data.generator`` from the repository root to write the files and
``python -m data.generator --check`` to compare them with what is committed.
"""
