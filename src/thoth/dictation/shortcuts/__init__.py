"""Keyboard shortcuts that work in every window."""
