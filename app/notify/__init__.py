"""News out: what operators are told."""
