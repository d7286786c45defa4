"""Ingest alone, for whoever works on the hot path: `python -m bench.ingest`."""
