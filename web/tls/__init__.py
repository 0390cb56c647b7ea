"""TLS: the certificate of the panel, either a local one or the owner's."""
