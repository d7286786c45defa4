"""Meta's dialect: the only room that knows Graph paths, wire names, signatures and error codes."""
