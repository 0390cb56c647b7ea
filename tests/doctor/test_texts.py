"""The texts of the doctor's findings."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from appliance.config import PROJECT
from appliance.doctor.texts import TEXTS


@pytest.mark.parametrize("code", TEXTS)
class TestTexts:
    def test_both_languages_have_one_sentence_with_the_same_placeholders(self, code: str) -> None:
        message = TEXTS[code]
        names = {
            language: [
                sorted(n for _, n, _, _ in Formatter().parse(part[language]) if n)
                for part in (message.text, message.cure)
            ]
            for language in ("en", "zh")
        }
        assert names["en"] == names["zh"]
        for sentence in (message.text["en"], message.cure["en"]):
            assert sentence == "" or re.fullmatch(r"[A-Z{].*\.", sentence)
        for sentence in (message.text["zh"], message.cure["zh"]):
            assert sentence == "" or sentence.index("。") == len(sentence) - 1
        assert bool(message.cure["en"]) == bool(message.cure["zh"])

    def test_every_problem_has_a_suggested_fix(self, code: str) -> None:
        source = "".join(p.read_text() for p in (PROJECT / "appliance" / "doctor").glob("*.py"))
        used = re.findall(rf'\b(ok|warn|fail)\(\s*"{code}"', source)
        assert used or f'(warn, "{code}")' in source or f'(ok, "{code}")' in source
        if {"warn", "fail"} & set(used) or f'(warn, "{code}")' in source:
            assert TEXTS[code].cure["en"]
