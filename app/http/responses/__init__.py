"""What the routes answer: the response models that openapi/orderwire.json describes."""
