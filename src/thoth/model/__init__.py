"""The model: where it is stored, how it runs, and the transcript that comes out of it."""
