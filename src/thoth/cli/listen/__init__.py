"""`thoth listen`."""
