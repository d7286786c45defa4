"""Redis: the only room that knows a key name."""
