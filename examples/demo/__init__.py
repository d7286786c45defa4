"""The demo: the lives of four orders, played on the whole stack and judged by the platform's own ledger."""
