"""Webhooks: notifies the merchant's endpoint of changes as Meta does, with delays, duplicates and losses."""
