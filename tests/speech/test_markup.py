"""Markup in plain text, and text that only looks like it."""

from __future__ import annotations

import pytest

from appliance.speech.markup import clean_markup


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ('<speak>Hello <break time="1s"/> world.</speak> **bold** _it_', "Hello world. bold it"),
        ("See https://www.example.com/a?b=1.", "See example.com."),
        ("[the page](https://example.com/a_(b)) ![](x.png)", "the page"),
        (
            "# Title\n- one\n* two\n> three\n---\n| a | b |\n|---|---|",
            "Title\none\ntwo\nthree\n\na, b",
        ),
        ("<p>Tom &amp; Jerry</p><style>p{}</style><p>Run</p>", "Tom & Jerry\n\nRun"),
        ('<sub alias="World Wide Web">WWW</sub> `code`', "World Wide Web code"),
        ("a < b and c > d, x<y, 3 * 4 * 5, snake_case_name, -5, #5", None),
        ("a <b and c> d, List<Word>, AT&T, 1. First", None),
    ],
)
def test_markup_is_removed_and_text_is_kept(written: str, spoken: str | None) -> None:
    assert clean_markup(written).text == (written if spoken is None else spoken)


def test_stage_directions_are_left_out_and_named() -> None:
    found = clean_markup("Well [pause], that {laughs} is it [12]. He said [that] 【停顿】。")
    assert found.text == "Well, that is it. He said [that]。"
    assert found.left_out == ("[pause]", "【停顿】", "{laughs}", "[12]") or set(found.left_out) == {
        "[pause]", "{laughs}", "[12]", "【停顿】",
    }  # fmt: skip
