"""FastAPI: routes, models, API keys and problem details."""
