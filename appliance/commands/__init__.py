"""The commands of ``lectern``, one module per command.

A command imports what it needs when it runs, so that ``lectern --help`` stays fast.
"""
