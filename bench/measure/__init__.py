"""What is measured and how it is compared: schedules, process trees, turns, ratios. Starts nothing."""
