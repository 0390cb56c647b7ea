"""The layout of the code: floors, names and words."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.source_tree import modules

# The rooms of appliance/, lowest floor last: a room imports only from floors below its own.
FLOORS = (
    {"cli"},
    {"commands"},
    {"daemon"},
    {"tasks"},
    {"attempt", "doctor"},
    {"render", "helper"},
    {"score", "bench", "inbox", "enrolment"},
    {"atlas"},
    {"lips", "speech"},
    {"inference", "media", "governor"},
    {"face"},
    {"telemetry", "logs", "privileges"},
    {"config", "demo"},
    {"config_file", "jobs", "files"},
    {"errors"},
    {"system", "messages", "version"},
)
# The same for the panel, where pages and API never import each other.
WEB_FLOORS = (
    {"server"},
    {"app"},
    {"api", "pages"},
    {"services"},
    {"static_files", "tls"},
    {"security"},
    {"errors"},
    {"context"},
    {"accounts", "uploads"},
    {"presenter_schemas"},
    {"i18n", "schemas", "addresses", "update_lock", "assets"},
)
# What the panel may import from appliance/: it never touches the pipeline.
WEB_MAY_IMPORT = {
    "config",
    "config_file",
    "errors",
    "files",
    "jobs",
    "logs",
    "messages",
    "system",
    "telemetry",
    "version",
}
WEB_MAY_IMPORT_MODULES = {"appliance.inference.results"}  # reads a JSON file, nothing else
# Modules of less than 30 lines, and why they stand alone.
SHORT_MODULES = {
    "appliance/face/networks.py": "opens both face networks for three rooms",
    "appliance/messages/message.py": "the type of the catalogue, imported by each of its modules",
    "appliance/version.py": "imported before everything else",
    "export_tools/data/sizes.py": "shared by modules that must not import torch",
    "install/errors.py": "imported by every module of the installer",
    "install/update_lock.py": "the counterpart of web/update_lock.py",
    "web/i18n/zh/common.py": "texts of the layout",
    "web/pages/certificate.py": "one page, one module",
    "web/pages/presenters.py": "one page, one module",
}

# Private words of the first versions, which stay out of code, texts and scripts. They are written
# in two pieces, so that a search for them does not find this list.
_WORDS = (
    ("err", "ands?"), ("le", "ash"), ("bal", "last"), ("sigh", "tings?"), ("let_", "go"),
    ("give_", "back"), ("hand_", "back"), ("car", "riers"), ("an", "ew"), ("wi", "shes"),
    ("lets ", "go"), ("gives ", "back"), ("puts? ", "away"), ("some", "body"), ("who", "ever"),
)  # fmt: skip
PRIVATE_WORDS = re.compile(
    rf"\b({'|'.join(first + second for first, second in _WORDS)})\b".encode(), re.IGNORECASE
)

_ROLE = re.compile(r":(mod|func|class|meth|attr|data|exc):`[~!]?((?:appliance|web)\.[\w.]+)`")


def broken_references(project: Path) -> Iterator[str]:
    """Yield the Sphinx roles in docstrings that name no module, class, function or attribute."""
    for top in ("appliance", "web", "install", "export_tools", "tests"):
        for path in sorted((project / top).rglob("*.py")):
            for _, name in _ROLE.findall(path.read_text(encoding="utf-8")):
                if not _exists(project, name.split(".")):
                    yield f"{path.relative_to(project)}: {name}"


def _exists(project: Path, parts: list[str]) -> bool:
    """Whether the dotted name is a package or module, or stands in one."""
    for end in range(len(parts), 0, -1):
        path = project.joinpath(*parts[:end])
        module = (
            path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__init__.py"
        )
        if module.is_file():
            source = module.read_text(encoding="utf-8")
            return all(re.search(rf"\b{part}\b", source) for part in parts[end:])
    return False


def floor_of(floors: Sequence[set[str]], room: str) -> int:
    """Return the number of the floor of ``room``, counted from the top."""
    for number, rooms in enumerate(floors):
        if room in rooms:
            return number
    raise AssertionError(f"{room} is on no floor")


def upward_imports(project: Path, top: str, floors: Sequence[set[str]]) -> list[str]:
    """Return the imports of ``top`` that do not lead to a lower floor."""
    wrong = []
    for path, room, names in modules(project, top):
        if room == "__init__":
            continue
        for name in names:
            package, _, rest = name.partition(".")
            target = rest.partition(".")[0]
            if package != top or target in {room, "__init__"}:
                continue
            if floor_of(floors, target) <= floor_of(floors, room):
                wrong.append(f"{path.relative_to(project)} imports {name}")
    return wrong


class TestFloors:
    def test_no_room_of_the_appliance_imports_upward(self, project: Path) -> None:
        assert upward_imports(project, "appliance", FLOORS) == []

    def test_no_room_of_the_panel_imports_upward(self, project: Path) -> None:
        assert upward_imports(project, "web", WEB_FLOORS) == []

    def test_services_know_no_blueprint_and_no_template(self, project: Path) -> None:
        wrong = [
            f"{path.name}: {name}"
            for path in (project / "web" / "services").glob("*.py")
            for name in ("Blueprint", "render_template", "get_panel")
            if name in path.read_text(encoding="utf-8")
        ]
        assert not wrong, "\n".join(wrong)

    def test_the_panel_imports_nothing_of_the_pipeline(self, project: Path) -> None:
        wrong = []
        for path, _, names in modules(project, "web"):
            for name in names:
                top, _, rest = name.partition(".")
                if top == "appliance" and rest.partition(".")[0] not in WEB_MAY_IMPORT:
                    light = any(name.startswith(f"{one}.") for one in WEB_MAY_IMPORT_MODULES)
                    if not light:
                        wrong.append(f"{path.relative_to(project)} imports {name}")
        assert not wrong, "\n".join(wrong)

    def test_the_public_api_loads_the_appliance_late(self, project: Path) -> None:
        tree = ast.parse((project / "lectern" / "__init__.py").read_text(encoding="utf-8"))
        early = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
        assert {name for name in early if name and name.startswith("appliance")} == {
            "appliance.errors",
            "appliance.version",
        }


class TestNames:
    def test_no_public_class_name_is_defined_twice(self, project: Path) -> None:
        places = defaultdict(list)
        for path in sorted((project / "appliance").rglob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places[node.name].append(str(path.relative_to(project)))
        assert {name: found for name, found in places.items() if len(found) > 1} == {}

    def test_no_module_is_a_splinter(self, project: Path) -> None:
        short = {
            str(path.relative_to(project))
            for top in ("appliance", "web", "install", "export_tools")
            for path in (project / top).rglob("*.py")
            if path.name != "__init__.py"
            and len(path.read_text(encoding="utf-8").splitlines()) < 30
        }
        assert short - set(SHORT_MODULES) == set()

    def test_private_words_stay_out(self, tracked: list[Path]) -> None:
        found = [
            f"{path.name}: {match[0].decode()}"
            for path in tracked
            if path.name not in {"CHANGELOG.md", Path(__file__).name}
            and path.suffix not in {".png", ".jpg", ".onnx", ".npz", ".csv"}
            and (match := PRIVATE_WORDS.search(path.read_bytes()))
        ]
        assert not found, "\n".join(found)

    def test_docstrings_refer_to_names_that_exist(self, project: Path) -> None:
        assert list(broken_references(project)) == []
