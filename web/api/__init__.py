"""The REST API under ``/api/v1/``, for other programs and for the panel's own pages."""
