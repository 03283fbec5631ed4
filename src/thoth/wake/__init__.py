"""Wake phrases: what may be said to begin with, told from all else that is said."""
