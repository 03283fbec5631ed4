"""`thoth transcribe`."""
