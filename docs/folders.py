"""Draw the folder diagrams of the teacher's guides from the trees in their text.

Each tree is in a comment above its diagram::

    <!-- folders: pair
    inbox/
    ├── lesson03.mp4        the presenter
    └── lesson03.wav        the lecture
    -->

Run it after changing a tree. It writes ``docs/img/folders-<tree>-<language>.svg``::

    .venv/bin/python docs/folders.py
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

GUIDES = {"en": "teacher.en.md", "zh": "teacher.zh.md"}

_TREE = re.compile(r"<!-- folders: (\w+)\n(.*?)\n-->", re.DOTALL)
_LINE = re.compile(r"(?P<branch>[│├└─ ]*)(?P<name>.+?)(?: {2,}(?P<note>.*))?$")

_ROW, _STEP, _EDGE, _HEAD = 30, 24, 16, 36  # pixels
_FONT = "font-family='system-ui, Noto Sans, Noto Sans CJK SC, sans-serif' font-size='14'"

_PAGE = "<path d='M2 0h10l5 5v15H2z' fill='{}'/><path d='M12 0l5 5h-5z' fill='#fff8'/>"
_ICONS = {
    "folder": "<path d='M0 4h7l2 3h11v12H0z' fill='#e8b04a'/>"
    + "<path d='M0 9h20v10H0z' fill='#f4c969'/>",
    "video": _PAGE.format("#4a7fd0") + "<path d='M7 8v8l6-4z' fill='#fff'/>",
    "photo": _PAGE.format("#3c9d7c") + "<path d='M4 16l4-6 3 4 2-2 2 4z' fill='#fff'/>",
    "sound": _PAGE.format("#9467bd")
    + "<path d='M5 11v3M8 8v9M11 10v5M14 11v3' stroke='#fff' stroke-width='1.6'/>",
    "text": _PAGE.format("#8a8f98")
    + "<path d='M5 9h9M5 12h9M5 15h6' stroke='#fff' stroke-width='1.4'/>",
    "other": _PAGE.format("#b9bdc4") + "<circle cx='9.5' cy='12' r='3' fill='#fff'/>",
}
_KINDS = {
    "mp4": "video", "jpg": "photo", "png": "photo", "wav": "sound", "m4a": "sound",
    "docx": "text", "txt": "text", "srt": "text",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A line of a tree: its ``depth`` below the top folder, a name and an optional note."""

    depth: int
    name: str
    note: str


def read_trees(guide: str) -> dict[str, list[list[Row]]]:
    """Return the top folders of each tree of a guide, keyed by the name of the tree.

    The first row of a folder is the folder itself.
    """
    trees = {}
    for name, text in _TREE.findall(guide):
        folders: list[list[Row]] = []
        for line in text.splitlines():
            parts = _LINE.match(line)
            assert parts is not None
            depth = len(parts["branch"]) // 4
            if depth == 0:
                folders.append([])
            folders[-1].append(Row(depth, parts["name"].strip(), parts["note"] or ""))
        trees[name] = folders
    return trees


def picture(folders: list[list[Row]]) -> str:
    """Return an SVG with one window for each top folder, side by side."""
    names = [max(_EDGE + _STEP * r.depth + 10 + _width(r.name) for r in rows) for rows in folders]
    notes = [max(_width(r.note) for r in rows) for rows in folders]
    widths = [
        round(name + (note + 24 if note else 0) + 2 * _EDGE)
        for name, note in zip(names, notes, strict=True)
    ]
    height = max(_HEAD + _ROW * (len(rows) - 1) + _EDGE for rows in folders)
    total = sum(widths) + 20 * (len(folders) - 1)
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='-1 -1 {total + 2} {height + 2}'"
        f" width='{total + 2}' height='{height + 2}' {_FONT}>"
    ]
    left = 0
    for rows, name, width in zip(folders, names, widths, strict=True):
        parts.append(f"<g transform='translate({left} 0)'>")
        parts.extend(_window(rows, round(name) + 24, width, height))
        parts.append("</g>")
        left += width + 20
    return "\n".join([*parts, "</svg>"]) + "\n"


def _window(rows: list[Row], note_at: int, width: int, height: int) -> Iterator[str]:
    yield f"<rect width='{width}' height='{height}' rx='8' fill='#fff' stroke='#b9bdc4'/>"
    yield f"<path d='M1 {_HEAD - 4}h{width - 2}' stroke='#e3e5e8'/>"
    yield from _entry(rows[0], 8, 6)
    for number, row in enumerate(rows[1:]):
        top = _HEAD + _ROW * number + 3
        yield from _entry(row, _EDGE + _STEP * (row.depth - 1), top)
        if row.note:
            yield f"<text x='{note_at}' y='{top + 16}' fill='#5d6570'>{escape(row.note)}</text>"


def _entry(row: Row, left: int, top: int) -> Iterator[str]:
    is_folder = row.name.endswith("/")
    kind = "folder" if is_folder else _KINDS.get(row.name.rpartition(".")[2], "other")
    weight = " font-weight='600'" if is_folder else ""
    yield f"<g transform='translate({left} {top})'>{_ICONS[kind]}</g>"
    name = escape(row.name.rstrip("/"))
    yield f"<text x='{left + 28}' y='{top + 16}' fill='#1f2328'{weight}>{name}</text>"


def _width(text: str) -> float:
    """Estimate the width in pixels of ``text`` at 14 pixels, rounded up rather than down."""
    return sum(14.5 if unicodedata.east_asian_width(c) in "WF" else 8.0 for c in text)


def main() -> None:
    """Write the diagram of every tree of both guides."""
    here = Path(__file__).parent
    for language, guide in GUIDES.items():
        for name, folders in read_trees((here / guide).read_text(encoding="utf-8")).items():
            target = here / "img" / f"folders-{name}-{language}.svg"
            target.write_text(picture(folders), encoding="utf-8")


if __name__ == "__main__":
    main()
