"""The browser's libraries: exactly the lockfile's, whole or not at all, none of their code ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.errors import Fault
from web.assets.build import FILES, HERE, TEST_FILES, build

PERMISSIVE = {"0BSD", "BlueOak-1.0.0", "ISC", "MIT"}


class Npm:
    """Lays out the files that npm would, and counts how often it was asked."""

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
    def test_it_takes_the_few_files_and_nothing_else(self, tmp_path: Path) -> None:
        vendor = tmp_path / "vendor"
        build(vendor, install=Npm())
        assert {path.name for path in vendor.iterdir()} == {*FILES, ".lock"}
        assert (vendor / "htmx.js").read_text() == "code"

    def test_a_second_time_it_asks_nobody(self, tmp_path: Path) -> None:
        npm = Npm()
        build(tmp_path, install=npm)
        build(tmp_path, install=npm)
        assert npm.asked == 1
        build(tmp_path, test=True, install=npm)
        build(tmp_path, test=True, install=npm)
        assert npm.asked == 2

    def test_a_lost_file_or_another_lockfile_is_made_good(self, tmp_path: Path) -> None:
        build(tmp_path, install=Npm("old"))
        (tmp_path / "uplot.js").unlink()
        build(tmp_path, install=Npm("new"))
        assert (tmp_path / "uplot.js").read_text() == "new"
        (tmp_path / ".lock").write_text("another")
        build(tmp_path, install=Npm("newest"))
        assert (tmp_path / "htmx.js").read_text() == "newest"

    def test_a_package_without_its_file_is_told_and_tried_again(self, tmp_path: Path) -> None:
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

    def test_each_package_has_its_hash_and_no_address(
        self, packages: dict[str, dict[str, object]]
    ) -> None:
        assert len(packages) > 10
        for facts in packages.values():
            assert str(facts["integrity"]).startswith("sha512-")
            assert "resolved" not in facts

    def test_what_reaches_a_box_has_a_permissive_licence(
        self, packages: dict[str, dict[str, object]]
    ) -> None:
        taken = {source.split("/")[0] for source in FILES.values()}
        for name in taken:
            assert packages[f"node_modules/{name}"]["license"] in PERMISSIVE
            assert f"{name}/LICENSE" in FILES.values()

    def test_versions_are_exact(self) -> None:
        wanted = json.loads((HERE / "package.json").read_text(encoding="utf-8"))
        for version in {**wanted["dependencies"], **wanted["devDependencies"]}.values():
            assert version.replace(".", "").isdigit()


def test_none_of_their_code_is_in_the_repository(project: Path) -> None:
    ignored = (project / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "web/static/vendor/" in ignored
    ours = [*(project / "web" / "static").glob("*.js"), *(project / "web" / "static").glob("*.css")]
    assert len(ours) > 4
    for path in ours:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert max(map(len, lines)) < 300, f"{path.name} looks minified"
