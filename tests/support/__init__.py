"""Parts that tests of every tier share; like the chaos tests, they import nothing of the application."""
