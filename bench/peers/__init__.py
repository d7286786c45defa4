"""What Orderwire is measured against."""
