"""Results: list, view and download finished videos."""
