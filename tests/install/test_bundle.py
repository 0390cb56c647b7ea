"""Building a bundle: the downloads that need Lectern's own code."""

from __future__ import annotations

from pathlib import Path

import pytest

from install import bundle
from install.errors import InstallError


def test_failed_download_of_the_face_networks_names_the_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(InstallError, match="face_models_download_failed"):
        bundle._download_face_networks(tmp_path / "face")
