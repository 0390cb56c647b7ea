"""The one failure of the installer."""

from __future__ import annotations

import re


class InstallError(Exception):
    """What went wrong, in a sentence, and what to do about it, in another."""

    def __init__(self, text: str, cure: str) -> None:
        self.text = without_credentials(text)
        self.cure = cure
        super().__init__(f"{self.text} {cure}")


def without_credentials(text: str) -> str:
    """``text`` without the name and password in front of any host: what is printed or kept goes to
    people who need not know the password of a package index."""
    return re.sub(r"(?<=://)[^/?#\s]*@", "", text)
