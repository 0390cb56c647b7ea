"""Resumable uploads (tus 1.0): storage, limits and checksums."""
