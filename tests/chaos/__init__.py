"""Chaos tests: break everything around Orderwire, then judge the outcome by the sandbox's ledger.

They import neither the application nor the sandbox; they start both as processes and talk to them over
HTTP, Redis and TCP.
"""
