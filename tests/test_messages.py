"""Tests of the catalogue: every code has a text and a cure in both languages, and is used."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from appliance.errors import BadInput, Cancelled, Fault, LecternError
from appliance.messages import MESSAGES, Message
from appliance.messages.score import NOTES, REASONS, WARNINGS, Texts

LANGUAGES = ["en", "zh"]
IDEOGRAPH = "[\u4e00-\u9fff]"


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def sentences(message: Message, language: str) -> list[str]:
    return [message.text[language], message.cure[language]]


@pytest.mark.parametrize("code", MESSAGES)
class TestEachMessage:
    def test_code_is_in_snake_case(self, code: str) -> None:
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", code)

    def test_both_languages_have_the_same_placeholders(self, code: str) -> None:
        message = MESSAGES[code]
        for texts in (message.text, message.cure):
            assert sorted(texts) == LANGUAGES
            assert placeholders(texts["en"]) == placeholders(texts["zh"])
            assert all(name.isidentifier() for name in placeholders(texts["en"]))

    def test_english_texts_are_one_sentence(self, code: str) -> None:
        for sentence in sentences(MESSAGES[code], "en"):
            assert re.fullmatch(r"[A-Z{].*\.", sentence)
            assert not re.search(r"[.!?] +[A-Z]", sentence)

    def test_chinese_texts_are_one_sentence_with_chinese_punctuation(self, code: str) -> None:
        for sentence in sentences(MESSAGES[code], "zh"):
            assert re.search(IDEOGRAPH, sentence)
            assert sentence.index("。") == len(sentence) - 1
            assert not re.search(f"{IDEOGRAPH}[,;:!?()]|[,;:!?()]{IDEOGRAPH}", sentence)


@pytest.mark.parametrize("texts", [REASONS, WARNINGS, NOTES])
def test_texts_of_the_score_are_one_sentence_in_both_languages(texts: Texts) -> None:
    for code, sentence in texts.items():
        assert sorted(sentence) == LANGUAGES, code
        assert placeholders(sentence["en"]) == placeholders(sentence["zh"])
        assert re.fullmatch(r"[A-Z][^.]*\.", sentence["en"])
        assert re.fullmatch(f"[^。]*{IDEOGRAPH}[^。]*。", sentence["zh"])
        assert not re.search(f"{IDEOGRAPH}[,;:!?()]|[,;:!?()]{IDEOGRAPH}", sentence["zh"])


class _Raise(ast.NodeVisitor):
    """Collects the errors that a module creates, and all its strings."""

    def __init__(self) -> None:
        self.raised: list[tuple[int, str, set[str] | None]] = []
        self.strings: set[str] = set()

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.strings.add(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in {"BadInput", "Fault", "Cancelled"} and isinstance(node.args[0], ast.Constant):
            names = {keyword.arg for keyword in node.keywords}
            given = None if None in names else {name for name in names if name}
            self.raised.append((node.lineno, str(node.args[0].value), given))
        self.generic_visit(node)


def modules(project: Path) -> Iterator[tuple[Path, _Raise]]:
    for package in ("appliance", "web"):
        for path in sorted((project / package).rglob("*.py")):
            if path.parent.name != "messages":
                visitor = _Raise()
                visitor.visit(ast.parse(path.read_text(encoding="utf-8")))
                yield path, visitor


class TestUse:
    def test_every_error_is_in_the_catalogue_and_fills_its_placeholders(
        self, project: Path
    ) -> None:
        wrong = []
        for path, visitor in modules(project):
            for line, code, given in visitor.raised:
                message = MESSAGES.get(code)
                if message is None:
                    wrong.append(f"{path.name}:{line} raises {code}, which has no message")
                elif given is not None:
                    needed = set().union(*map(placeholders, sentences(message, "en")))
                    wrong += [f"{path.name}:{line} lacks {n}" for n in needed - given]
        assert not wrong, "\n".join(wrong)

    def test_every_message_is_used(self, project: Path) -> None:
        used: set[str] = set()
        for _, visitor in modules(project):
            used |= visitor.strings
        assert set(MESSAGES) - used == set()


class TestErrors:
    def test_error_has_text_and_cure_in_both_languages(self) -> None:
        error = BadInput("file_missing", name="a b.mp4")
        assert error.text() == "The file a b.mp4 does not exist."
        assert error.cure() == "Check the spelling and the folder, then try again."
        assert "a b.mp4" in error.text("zh")
        assert str(error) == f"file_missing: {error.text()} {error.cure()}"

    def test_unknown_code_is_a_programming_error(self) -> None:
        with pytest.raises(KeyError):
            Fault("no_such_code")

    def test_control_characters_of_a_file_name_are_escaped(self) -> None:
        error = BadInput("file_missing", name="a\nb\x1b[31m.mp4")
        assert "\n" not in str(error)
        assert "\x1b" not in str(error)

    @pytest.mark.parametrize(
        ("kind", "status"), [(BadInput, 2), (Fault, 1), (Cancelled, 130), (LecternError, 1)]
    )
    def test_exit_status_of_each_class(self, kind: type[LecternError], status: int) -> None:
        assert kind("file_missing", name="x").exit_status == status
