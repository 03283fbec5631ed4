"""What the commands put on a terminal, and on one that is none."""
