"""The Graph side: Meta's dialect of HTTP, spoken over the ledger."""
