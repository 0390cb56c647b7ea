"""Reads the modules of the project and what they import, for the tests of its layout."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


def imports(path: Path, package: str) -> Iterator[str]:
    """Yield the dotted names that a module of ``package`` imports anywhere."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level]
            start = ".".join(above) + "." if node.level else ""
            source = (start + (node.module or "")).rstrip(".")
            yield from (f"{source}.{alias.name}" for alias in node.names)


def modules(project: Path, top: str) -> Iterator[tuple[Path, str, list[str]]]:
    """Yield each module of ``top``: its file, its room, and the names that it imports."""
    for path in sorted((project / top).rglob("*.py")):
        parts = path.relative_to(project).with_suffix("").parts
        yield path, parts[1], list(imports(path, ".".join(parts[:-1])))
