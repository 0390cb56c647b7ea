"""The error type of the installer."""

from __future__ import annotations

import re


class InstallError(Exception):
    """An error with one sentence that describes it and one that suggests a fix."""

    def __init__(self, text: str, cure: str) -> None:
        self.text = without_credentials(text)
        self.cure = cure
        super().__init__(f"{self.text} {cure}")


def without_credentials(text: str) -> str:
    """Return ``text`` without user name and password in URLs.

    Printed and stored texts are visible to users who must not learn the password of a package
    index.
    """
    return re.sub(r"(?<=://)[^/?#\s]*@", "", text)
