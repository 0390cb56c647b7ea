"""The setup code: only a user who can read the device's log can become its administrator."""

from __future__ import annotations

import secrets
from pathlib import Path

from appliance.files.atomic import write_text

_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"  # without similar characters


def get_setup_code(root: Path) -> str:
    """Return the setup code, which stays the same until the setup is done, even after a restart."""
    path = _path(root)
    try:
        code = path.read_text(encoding="ascii").strip()
        if code:
            return code
    except (OSError, UnicodeDecodeError):
        pass
    code = "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, f"{code}\n", mode=0o600)
    except OSError:
        pass  # the code is then valid until the next start
    return code


def codes_match(given: str, code: str) -> bool:
    """Return whether ``given`` is the code, regardless of case, hyphens and spaces."""
    plain = given.upper().replace("-", "").replace(" ", "")
    return secrets.compare_digest(plain.encode(), code.replace("-", "").encode())


def delete_setup_code(root: Path) -> None:
    """Delete the code after the setup."""
    _path(root).unlink(missing_ok=True)


def _path(root: Path) -> Path:
    return root / "state" / "setup-code"
