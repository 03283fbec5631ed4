"""`thoth bench`."""
