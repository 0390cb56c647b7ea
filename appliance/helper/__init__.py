"""The root helper: handles USB drives and powers the device off, on the daemon's request.

It runs as root, only for the time of one request. systemd starts it for each connection to
``/run/lectern/helper.sock``, which only members of Lectern's group can open, and for each USB drive
that is plugged in: the units ``lectern-helper`` and ``lectern-usb``.
"""
