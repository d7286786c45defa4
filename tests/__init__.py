"""The tests; a package so that import-linter sees `tests.chaos` and `tests.support`."""
