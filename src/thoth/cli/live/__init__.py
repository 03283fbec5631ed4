"""`thoth live`."""
