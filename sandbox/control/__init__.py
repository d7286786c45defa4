"""The control side, ``/_sandbox/…``: for tests, demos and people; the platform itself has nothing like it."""
