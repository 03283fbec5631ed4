"""Audio on its way in: files, file objects and arrays become 16 kHz mono float32 samples."""
