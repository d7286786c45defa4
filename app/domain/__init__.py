"""The rules of commerce orders, as plain values on the standard library alone."""
