"""The Graph API: Meta's HTTP protocol over the ledger."""
