"""The control API, ``/_sandbox/…``: for tests, demos and people; the real platform has no such API."""
