"""The guides say what is true: the same errors as the code, links that lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.messages import MESSAGES

GUIDES = ["teacher.en.md", "teacher.zh.md"]


def pages(project: Path) -> list[Path]:
    return [project / "README.md", *sorted((project / "docs").glob("*.md"))]


def heading_anchor(heading: str) -> str:
    """GitHub's rule: lower case, spaces to hyphens, punctuation dropped."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("guide", GUIDES)
class TestErrorTable:
    def test_it_lists_every_code_once_and_no_other(self, project: Path, guide: str) -> None:
        text = (project / "docs" / guide).read_text(encoding="utf-8")
        assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == sorted(MESSAGES)

    def test_it_is_what_the_catalogue_says(self, project: Path, tmp_path: Path, guide: str) -> None:
        (tmp_path / "errors.py").write_bytes((project / "docs" / "errors.py").read_bytes())
        for name in GUIDES:
            (tmp_path / name).write_bytes((project / "docs" / name).read_bytes())
        run = [sys.executable, str(tmp_path / "errors.py")]
        subprocess.run(run, check=True, cwd=project, env={"PYTHONPATH": str(project)})
        assert (tmp_path / guide).read_text() == (project / "docs" / guide).read_text(), (
            "run: .venv/bin/python docs/errors.py"
        )


class TestFolders:
    def test_the_pictures_are_what_the_trees_say(self, project: Path, tmp_path: Path) -> None:
        docs = project / "docs"
        (tmp_path / "img").mkdir()
        for name in ("folders.py", *GUIDES):
            (tmp_path / name).write_bytes((docs / name).read_bytes())
        subprocess.run([sys.executable, str(tmp_path / "folders.py")], check=True)
        drawn = sorted((tmp_path / "img").iterdir())
        assert len(drawn) == 4 * len(GUIDES)
        for picture in drawn:
            kept = docs / "img" / picture.name
            assert picture.read_text() == kept.read_text(), "run: .venv/bin/python docs/folders.py"
            guide = f"teacher.{picture.stem.rpartition('-')[2]}.md"
            assert f"](img/{picture.name})" in (docs / guide).read_text(encoding="utf-8")


class TestPages:
    def test_every_link_leads_to_a_file_and_every_anchor_to_a_heading(self, project: Path) -> None:
        broken = []
        for page in pages(project):
            for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
                if target.startswith("http"):
                    continue
                name, _, anchor = target.partition("#")
                file = page.parent / name if name else page
                headings = (
                    {heading_anchor(h) for h in re.findall(r"^#+ (.+)$", file.read_text(), re.M)}
                    if file.is_file() and anchor
                    else set()
                )
                if not file.exists() or (anchor and anchor not in headings):
                    broken.append(f"{page.name}: {target}")
        assert broken == []

    def test_every_set_up_command_they_name_exists(self, project: Path) -> None:
        offered = subprocess.run(
            [project / "setup.sh", "help"], capture_output=True, text=True, check=True
        ).stdout
        named = {
            command
            for page in pages(project)
            for command in re.findall(r"\./setup\.sh (\w+)", page.read_text(encoding="utf-8"))
        }
        assert named
        assert {command for command in named if f"  {command} " not in offered} == set()

    def test_both_teachers_guides_have_the_same_parts(self, project: Path) -> None:
        shapes = [
            re.findall(r"^(#+|```\w*|- \*\*|\| )", (project / "docs" / g).read_text(), re.M)
            for g in GUIDES
        ]
        assert shapes[0] == shapes[1]
