"""The command line, one module a command; each is imported whole only when it runs."""
