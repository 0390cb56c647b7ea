"""The panel's interface for programs, and for its own pages: ``/api/v1/``."""
