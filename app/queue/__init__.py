"""RQ from outside: which job does which work, enqueueing, and whether anything runs the jobs."""
