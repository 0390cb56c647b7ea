"""The SBOM and the third-party notices, of the packages that are really installed."""

from __future__ import annotations

import hashlib
import json
import sysconfig
import zipfile
from pathlib import Path

import pytest
from packaging.markers import Marker

from install.inventory import (
    NOTICES,
    SBOM,
    Component,
    installed_components,
    notices,
    sbom,
    wheel_components,
    write_inventory,
)
from install.lock import DEVICE, LOCKS, read_lock


@pytest.fixture(scope="module")
def installed() -> list[Component]:
    return installed_components(Path(sysconfig.get_path("purelib")))


def locked_names() -> set[str]:
    packages = read_lock(LOCKS / DEVICE)
    return {p.name for p in packages if not p.marker or Marker(p.marker).evaluate()}


def test_every_locked_package_is_in_both_with_its_licence(
    installed: list[Component], tmp_path: Path
) -> None:
    write_inventory(installed, "1.0", tmp_path)
    text = (tmp_path / NOTICES).read_text(encoding="utf-8")
    listed = {part["name"] for part in json.loads((tmp_path / SBOM).read_bytes())["components"]}
    components = {component.name: component for component in installed}
    for name in locked_names():
        component = components[name]
        assert component.licence, name
        assert f"\n{name} {component.version}\nLicence: {component.licence}\n" in text
        assert name in listed
    with_text = {name for name in locked_names() if components[name].texts}
    assert locked_names() - with_text <= {"flatbuffers"}  # its wheel contains no licence file


def test_notices_state_the_gpl_codecs_that_the_wheel_of_pyav_contains(
    installed: list[Component],
) -> None:
    text = notices(installed)
    libraries = Path(sysconfig.get_path("purelib")) / "av.libs"
    found = {path.name.split("-")[0] for path in libraries.glob("libx26*")}
    assert found == {"libx264", "libx265"}
    assert all(name in text for name in found)
    assert "source code" in text


def test_sbom_names_each_version_once_with_the_hashes_of_its_wheels(tmp_path: Path) -> None:
    wheels = []
    for tag in ("cp310", "cp312"):
        path = tmp_path / f"chalk-1.0-{tag}-{tag}-linux_aarch64.whl"
        with zipfile.ZipFile(path, "w") as archive:
            metadata = "Metadata-Version: 2.4\nName: Chalk\nVersion: 1.0\nLicense-Expression: MIT\n"
            archive.writestr("chalk-1.0.dist-info/METADATA", metadata)
            archive.writestr("chalk-1.0.dist-info/licenses/LICENSE", f"Text for {tag}")
            record = ["METADATA", "licenses/LICENSE", "RECORD"]
            lines = "".join(f"chalk-1.0.dist-info/{name},,\n" for name in record)
            archive.writestr("chalk-1.0.dist-info/RECORD", lines)
        wheels.append(path)
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in wheels}
    components = wheel_components(wheels, sums)
    (entry,) = json.loads(sbom(components, "1.0"))["components"]
    assert entry["purl"] == "pkg:pypi/chalk@1.0"
    assert entry["licenses"] == [{"license": {"name": "MIT"}}]
    assert {value["content"] for value in entry["hashes"]} == set(sums.values())
    assert "Text for cp31" in notices(components)
