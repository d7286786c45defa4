"""The load: signed deliveries, and a client so plain that it does not become the limit."""
