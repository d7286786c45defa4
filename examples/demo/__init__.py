"""The demo: runs four orders end to end and checks the results against the sandbox's ledger."""
