"""The browser's libraries: exactly those of the lockfile, complete or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.errors import Fault
from web.assets.build import FILES, HERE, TEST_FILES, build

PERMISSIVE = {"0BSD", "BlueOak-1.0.0", "ISC", "MIT"}


class Npm:
    """Creates the files that npm would install and counts its calls."""

    def __init__(self, text: str = "code", lacks: str = "") -> None:
        self.text, self.lacks, self.asked = text, lacks, 0

    def __call__(self, folder: Path, test: bool) -> None:
        self.asked += 1
        assert (folder / "package.json").is_file() and (folder / "package-lock.json").is_file()
        for name, source in {**FILES, **(TEST_FILES if test else {})}.items():
            path = folder / "node_modules" / source
            path.parent.mkdir(parents=True, exist_ok=True)
            if name != self.lacks:
                path.write_text(self.text)


class TestBuild:
    def test_only_the_required_files_are_copied(self, tmp_path: Path) -> None:
        vendor = tmp_path / "vendor"
        build(vendor, install=Npm())
        assert {path.name for path in vendor.iterdir()} == {*FILES, ".lock"}
        assert (vendor / "htmx.js").read_text() == "code"

    def test_second_build_downloads_nothing(self, tmp_path: Path) -> None:
        npm = Npm()
        build(tmp_path, install=npm)
        build(tmp_path, install=npm)
        assert npm.asked == 1
        build(tmp_path, test=True, install=npm)
        build(tmp_path, test=True, install=npm)
        assert npm.asked == 2

    def test_missing_file_or_changed_lockfile_rebuilds(self, tmp_path: Path) -> None:
        build(tmp_path, install=Npm("old"))
        (tmp_path / "uplot.js").unlink()
        build(tmp_path, install=Npm("new"))
        assert (tmp_path / "uplot.js").read_text() == "new"
        (tmp_path / ".lock").write_text("another")
        build(tmp_path, install=Npm("newest"))
        assert (tmp_path / "htmx.js").read_text() == "newest"

    def test_package_without_its_file_is_reported_and_retried(self, tmp_path: Path) -> None:
        with pytest.raises(Fault, match=r"assets_download_failed: .*uPlot\.iife\.min\.js"):
            build(tmp_path, install=Npm(lacks="uplot.js"))
        npm = Npm()
        build(tmp_path, install=npm)
        assert npm.asked == 1


class TestLockfile:
    @pytest.fixture
    def packages(self) -> dict[str, dict[str, object]]:
        lock = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))
        found: dict[str, dict[str, object]] = lock["packages"]
        return {name: facts for name, facts in found.items() if name}

    def test_packages_have_hashes_and_no_urls(self, packages: dict[str, dict[str, object]]) -> None:
        assert len(packages) > 10
        for facts in packages.values():
            assert str(facts["integrity"]).startswith("sha512-")
            assert "resolved" not in facts

    def test_shipped_packages_have_permissive_licences(
        self, packages: dict[str, dict[str, object]]
    ) -> None:
        taken = {source.split("/")[0] for source in FILES.values()}
        for name in taken:
            assert packages[f"node_modules/{name}"]["license"] in PERMISSIVE
            assert f"{name}/LICENSE" in FILES.values()

    def test_versions_are_pinned(self) -> None:
        wanted = json.loads((HERE / "package.json").read_text(encoding="utf-8"))
        for version in {**wanted["dependencies"], **wanted["devDependencies"]}.values():
            assert version.replace(".", "").isdigit()


def test_repository_contains_no_third_party_code(project: Path) -> None:
    ignored = (project / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "web/static/vendor/" in ignored
    ours = [*(project / "web" / "static").glob("*.js"), *(project / "web" / "static").glob("*.css")]
    assert len(ours) > 4
    for path in ours:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert max(map(len, lines)) < 300, f"{path.name} looks minified"
