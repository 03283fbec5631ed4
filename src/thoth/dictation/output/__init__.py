"""Where dictated text goes: sinks, each with its promise on failure, and the delivery to several at once."""
