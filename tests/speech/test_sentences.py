"""Where sentences end, and where they do not."""

from __future__ import annotations

import pytest

from appliance.speech.sentences import split_sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["Ch. 3, Fig. 2, Dr. Smith, e.g. H2O.", "See Eq. 4 vs. Eq. 5, approx. 3 of No. 7."],
        ["The answer is no.", "That is all."],
        ["It is 5 p.m.", "Then J. K. Rowling left."],
        ["1. First item.", "2. Second item."],
        ["z. B. das Haus am 3. Mai.", "Ende."],
        ["It is 3.5 metres long...", "Is it?", "Yes!"],
        ["Smith et al. 2020 say so.", "They do."],
    ],
)
def test_abbreviations_end_no_sentence(sentences: list[str]) -> None:
    assert list(split_sentences(" ".join(sentences))) == sentences


def test_chinese_sentences_need_no_space() -> None:
    assert list(split_sentences("光很快！好吗？“行。”走。")) == [
        "光很快！",
        "好吗？",
        "“行。”",
        "走。",
    ]
