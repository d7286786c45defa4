"""Orderwire: Facebook and Instagram commerce for a merchant's own systems."""
