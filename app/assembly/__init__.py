"""What wiring puts together: the ground, opened once a process, and the use cases that stand on it."""
