"""Break real clips on purpose, and count how many of the faults the score finds."""
