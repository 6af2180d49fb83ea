"""Damaged and hostile inputs by the thousand: whatever is read, nothing but typed errors may come of it."""
