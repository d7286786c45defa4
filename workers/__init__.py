"""RQ: thin jobs, the worker that runs them, and what runs periodically."""
