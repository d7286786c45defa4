"""What the routes take: strict request bodies and query parameters."""
