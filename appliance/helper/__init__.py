"""Runs as root, for a moment at a time: USB sticks and switching off, on the daemon's request.

systemd starts it for each connection to ``/run/lectern/helper.sock``, which only Lectern's group
can open, and for each stick that is plugged in: the units ``lectern-helper`` and ``lectern-usb``.
"""
