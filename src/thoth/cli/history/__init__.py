"""`thoth history`."""
