"""Dictation: from a key or a phrase to corrected text where it is wanted, with nothing said lost on the way."""
