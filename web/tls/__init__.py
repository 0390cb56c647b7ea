"""Encryption: the certificates that the panel shows, its own or the owner's."""
