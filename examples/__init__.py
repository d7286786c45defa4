"""Merchant integrations that run: each talks to Orderwire as a merchant's own system would."""
