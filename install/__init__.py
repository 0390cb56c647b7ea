"""The installer: install, update, roll back and uninstall Lectern on a device.

It needs only the standard library of Python 3.10, so that it runs where nothing is installed yet::

    sudo ./setup.sh install --dry-run
"""
