"""Live transcription: chunks, the worker that runs the model, and sessions on top of them."""
