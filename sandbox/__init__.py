"""The emulated Commerce Platform, with its ledger, clock, faults and webhooks.

It imports nothing of Orderwire. Every rule it plays is marked documented or assumed beside the code that
plays it (see :mod:`sandbox.rules`), and ``GET /_sandbox/rules`` lists them.
"""
