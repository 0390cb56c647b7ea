"""What a version consists of: an SBOM, and the licences of the packages by others.

Both are made from the metadata of the wheels or of the installed packages, so they also describe
the wheels for another machine. The CycloneDX tools describe the environment that they run in and
need twenty packages; the few fields of the format that are needed are written here.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import NamedTuple

from install.lock import normalize_name

SBOM = "sbom.cdx.json"
NOTICES = "THIRD-PARTY-NOTICES.txt"

_LICENCE_FILE = re.compile(
    r"(licen[cs]es?|copying|notices?|third-?party-?notices?)\b", re.IGNORECASE
)
_CODECS = """\
Video codecs under the GPL
--------------------------
The wheel of PyAV (package "av") is licensed under BSD-3-Clause, but it contains FFmpeg and, among
other libraries, libx264 and libx265, which are licensed under the GNU General Public License,
version 2 or later. Its FFmpeg was built with --enable-version3 and calls itself "LGPL version 3 or
later"; together with libx264 and libx265 it can be passed on only under the GPL, version 3 or
later.

Lectern's own code is licensed under Apache-2.0, which is compatible with version 3 of the GPL.
Lectern calls these libraries in its own process, through PyAV; it does not keep them apart.

A person who gives a device with Lectern, or a bundle, to others passes on GPL programs. Among other
things, that person must give the recipients the text of the GPL and the complete corresponding
source code of PyAV's libraries (or a written offer of it), in the versions that are in the wheel,
and must not restrict their right to replace them. PyAV publishes the build scripts and versions
with each release (github.com/PyAV-Org/pyav-ffmpeg). Using Lectern, or installing it on one's own
devices, has no such conditions. H.264, H.265 and AAC are also covered by patents in some countries,
whose licences are not a matter of these notices. This is not legal advice.
"""
_OTHERS = """\
Parts that are not Python packages
----------------------------------
Face networks (MediaPipe, Google): Apache-2.0. Browser libraries of the panel: htmx (0BSD), uPlot
(MIT), tus-js-client (MIT). Optional speech encoder (whisper-base, OpenAI): MIT.
"""


class Component(NamedTuple):
    """A package: name and version, its licence as it states it, the texts of its licence files by
    their names, and the SHA-256 of its wheel (empty for an installed package)."""

    name: str
    version: str
    licence: str
    texts: dict[str, str]
    sha256: str = ""


def read_component(distribution: Distribution, sha256: str = "") -> Component:
    """Return the package ``distribution``, which is installed or a wheel."""
    metadata = distribution.metadata
    texts = {}
    for path in distribution.files or []:
        in_folder = ".dist-info/licenses/" in path.as_posix()
        if in_folder or (_LICENCE_FILE.match(path.name) and path.suffix not in (".py", ".pyc")):
            file = distribution.locate_file(path)
            assert isinstance(file, Path | zipfile.Path)
            if file.is_file():
                texts[path.as_posix()] = file.read_bytes().decode("utf-8", errors="replace")
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in metadata.get_all("Classifier") or []
        if line.startswith("License :: ") and line != "License :: OSI Approved"
    ]
    stated = [metadata["License-Expression"], " OR ".join(classifiers), metadata["License"]]
    licence = next((text.strip().splitlines()[0] for text in stated if text and text.strip()), "")
    name = normalize_name(metadata["Name"])
    return Component(name, distribution.version, licence, texts, sha256)


def installed_components(site_packages: Path) -> list[Component]:
    """Return the packages in a folder of installed packages, in the order of their names."""
    found = map(read_component, distributions(path=[str(site_packages)]))
    return sorted(found, key=lambda component: component.name)


def wheel_components(wheels: Iterable[Path], sums: dict[str, str]) -> list[Component]:
    """Return the packages of ``wheels``; ``sums`` are the SHA-256 by the name of the file."""
    found = [
        read_component(distribution, sums[wheel.name])
        for wheel in wheels
        for distribution in distributions(path=[str(wheel)])
    ]
    return sorted(found, key=lambda component: (component.name, component.version))


def sbom(components: Iterable[Component], version: str) -> str:
    """Return the software bill of materials of Lectern ``version``: CycloneDX 1.5, JSON."""
    found = [component for component in components if component.name != "lectern"]
    listed: dict[str, dict[str, object]] = {}
    for component in found:
        purl = f"pkg:pypi/{component.name}@{component.version.replace('+', '%2B')}"
        entry = listed.setdefault(
            purl,
            {
                "type": "library",
                "bom-ref": purl,
                "name": component.name,
                "version": component.version,
                "purl": purl,
                "licenses": [{"license": {"name": component.licence or "see the notices"}}],
            },
        )
        if component.sha256:  # one wheel for each Python version
            hashes = entry.setdefault("hashes", [])
            assert isinstance(hashes, list)
            value = {"alg": "SHA-256", "content": component.sha256}
            if value not in hashes:
                hashes.append(value)
    own = {"type": "application", "bom-ref": "lectern", "name": "lectern", "version": version}
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": own | {"licenses": [{"license": {"id": "Apache-2.0"}}]},
        },
        "components": list(listed.values()),
        "dependencies": [{"ref": "lectern", "dependsOn": list(listed)}],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def notices(components: Iterable[Component]) -> str:
    """Return the notices: for each package its licence and the texts of its licence files."""
    by_version = {
        (component.name, component.version): component
        for component in components
        if component.name != "lectern"
    }
    parts = ["Lectern contains the following software by others.\n", _CODECS, _OTHERS]
    for component in by_version.values():
        title = f"{component.name} {component.version}"
        stated = component.licence or ("see below" if component.texts else "not stated")
        parts.append(f"{'=' * 80}\n{title}\nLicence: {stated}\n")
        parts += [f"--- {name}\n{text.strip()}\n" for name, text in component.texts.items()]
    return "\n".join(parts)


def write_inventory(components: list[Component], version: str, folder: Path) -> None:
    """Write the SBOM and the notices of Lectern ``version`` to ``folder``."""
    (folder / SBOM).write_text(sbom(components, version), encoding="utf-8")
    (folder / NOTICES).write_text(notices(components), encoding="utf-8")
