"""The rows of the bench, one a file: each can be run alone."""
