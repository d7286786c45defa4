"""What is written about the measurements: JSON, the page, its chart, and the check against the committed."""
