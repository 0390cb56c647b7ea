"""The one failure of the installer."""

from __future__ import annotations


class InstallError(Exception):
    """What went wrong, in a sentence, and what to do about it, in another."""

    def __init__(self, text: str, cure: str) -> None:
        super().__init__(f"{text} {cure}")
        self.text = text
        self.cure = cure
