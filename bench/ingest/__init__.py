"""Ingest alone, for work on the hot path: `python -m bench.ingest`."""
