"""Enhancement: a language model corrects what was dictated, and is held to correcting it."""
