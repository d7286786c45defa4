"""The processes a measurement is made of: Redis, the platform, Orderwire, and its peers."""
