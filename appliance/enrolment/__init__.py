"""What can be learned from a presenter's own recording: timing, mouth motion, shapes."""
