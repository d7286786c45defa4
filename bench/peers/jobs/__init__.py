"""One shipment as a job of six popular queues, each configured as its documentation advises."""
