"""Puts Lectern on a box, brings it up to date and takes it away again.

Needs nothing but Python 3.10's own library, so that it runs where nothing is installed yet::

    sudo ./setup.sh install --dry-run
"""
