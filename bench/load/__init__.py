"""The load: signed deliveries, and a client that is too simple to become the limit."""
