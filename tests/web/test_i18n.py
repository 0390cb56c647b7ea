"""Every text of the pages has a Chinese translation, and no translation is unused."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from string import Formatter

import pytest
from flask import Flask

from web.i18n import LANGUAGES, language, translate
from web.i18n.zh import TEXTS

_IN_TEMPLATE = re.compile(r"""\b_\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')""")


def shown(project: Path) -> dict[str, str]:
    """Return every text passed to ``_`` or ``mark``, with the file that uses it."""
    found: dict[str, str] = {}
    for path in (project / "web").rglob("*.html"):
        for match in _IN_TEMPLATE.finditer(path.read_text(encoding="utf-8")):
            found[match[1] or match[2]] = path.name
    for path in (project / "web").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in {"_", "mark"}
                and isinstance(node.args[0], ast.Constant)
            ):
                found[str(node.args[0].value)] = path.name
    return found


def test_texts_and_translations_match(project: Path) -> None:
    texts = shown(project)
    assert len(texts) > 40
    assert {text: file for text, file in texts.items() if text not in TEXTS} == {}
    assert set(TEXTS) - set(texts) == set()


@pytest.mark.parametrize("text", TEXTS)
def test_translations_keep_placeholders_and_use_chinese_punctuation(text: str) -> None:
    def names(sentence: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}

    assert names(text) == names(TEXTS[text])
    assert not re.search("[\u4e00-\u9fff][,;:!?()]|[,;:!?()][\u4e00-\u9fff]", TEXTS[text])


@pytest.mark.parametrize(
    ("cookie", "accepts", "expected"),
    [
        ("", "zh-CN,zh;q=0.9", "zh"),
        ("", "de,en;q=0.5", "en"),
        ("", "de", "en"),
        ("zh", "en", "zh"),
        ("xx", "zh", "zh"),
    ],
)
def test_chosen_language_precedes_the_browsers(
    app: Flask, cookie: str, accepts: str, expected: str
) -> None:
    headers = {"Accept-Language": accepts, "Cookie": f"lectern_language={cookie}"}
    with app.test_request_context(headers=headers):
        assert language() == expected


def test_placeholders_are_filled() -> None:
    text = "At least {length} characters. Three or four words are easy to remember."
    assert "10" in translate(text, "en", length=10)
    assert "10" in translate(text, "zh", length=10)
    assert set(LANGUAGES) == {"en", "zh"}
