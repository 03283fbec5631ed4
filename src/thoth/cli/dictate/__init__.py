"""`thoth dictate`."""
