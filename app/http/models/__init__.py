"""What goes over the REST edge: request bodies, queries and answers, as pydantic models."""
