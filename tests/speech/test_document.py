"""Text files in the formats of common editors."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

import docx
import pytest

from appliance.errors import BadInput
from appliance.speech.document import read_document
from appliance.speech.word_package import MAX_XML_BYTES

CHINESE = "今天我们学习光。光很快！"


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_plain_text_in_common_encodings(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(CHINESE.encode(codec))
    assert read_document(path).text == CHINESE


MARKDOWN = """\
---
title: not spoken
---
# Light

It is *fast*, [see here](http://example.org/x).
Really.

- one
- two

```python
not_spoken()
```
![not spoken](light.png)

| a | b |
|---|---|
| c | d |
"""


def test_markdown_markup_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(MARKDOWN)
    paragraphs = ["Light", "It is fast, see here.\nReally.", "one", "two", "a", "b", "c", "d"]
    assert read_document(path).text.split("\n\n") == paragraphs


def test_word_tables_are_read_in_place(tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    document = docx.Document()
    document.add_heading("光")
    document.add_paragraph("It is fast. ")
    table = document.add_table(2, 2)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"
    table.cell(1, 0).text, table.cell(1, 1).text = "left", "right"
    document.add_paragraph("The end.")
    document.save(str(path))
    words = ["光", "It is fast.", "wide", "left", "right", "The end."]
    assert read_document(path).text.split("\n\n") == words


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.txt", b"", "file_empty"),
        ("a.txt", b"\x00\x01\x02\x00\xff", "text_unreadable"),
        ("a.txt", b"\xff\xfe\x00", "text_unreadable"),
        ("a.docx", b"PK\x03\x04 and no more", "text_unreadable"),
        ("a.docx", b"\xd0\xcf\x11\xe0 an old .doc", "text_unreadable"),
        ("missing.txt", None, "file_missing"),
    ],
)
def test_other_files_are_refused(
    tmp_path: Path, name: str, content: bytes | None, code: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput) as caught:
        read_document(tmp_path / name)
    assert caught.value.code == code


def test_zip_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.docx"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package,
        package.open("word/document.xml", "w", force_zip64=True) as entry,
    ):
        for _ in range(MAX_XML_BYTES // 1_000_000 + 1):
            entry.write(bytes(1_000_000))
    assert path.stat().st_size < 1_000_000
    with pytest.raises(BadInput) as caught:
        read_document(path)
    assert caught.value.code == "text_too_long"


def test_directory_at_an_impossible_position_is_not_a_read_error(tmp_path: Path) -> None:
    """The code of a read error would let the daemon try again and again."""
    path = tmp_path / "a.docx"
    docx.Document().save(str(path))
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"PK\5\6")
    raw[at + 12 : at + 20] = b"\xff\xff\0\0\xff\xff\xff\x7f"
    path.write_bytes(raw)
    with pytest.raises(BadInput) as caught:
        read_document(path)
    assert caught.value.code == "text_unreadable"


def test_damaged_word_file_is_bad_input(tmp_path: Path) -> None:
    path, chance = tmp_path / "a.docx", random.Random(4)
    document = docx.Document()
    document.add_table(2, 2)
    document.save(str(path))
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    failures = 0
    for turn in range(60):
        if turn % 2:
            mutated = bytearray(whole)
            for _ in range(chance.randint(1, 20)):
                mutated[chance.randrange(len(mutated))] = chance.randrange(256)
            path.write_bytes(mutated[: chance.randrange(1, len(mutated))])
        else:
            with zipfile.ZipFile(path, "w") as package:
                for name, content in parts.items():
                    mutated = bytearray(content)
                    mutated[chance.randrange(len(mutated))] = chance.choice(b'<>/"a1')
                    package.writestr(name, bytes(mutated))
        try:
            read_document(path)
        except BadInput as error:
            assert error.code == "text_unreadable"
            failures += 1
    assert failures > 30


def test_markup_in_plain_text_is_removed_and_named(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"<speak>Hello</speak> [pause]\r\n**bold** https://example.com/a\r\n")
    assert read_document(path) == ("Hello\nbold example.com", ("[pause]",))


def test_doubtful_encoding_is_refused_with_the_guess(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    chance = random.Random(1)
    path.write_bytes(bytes(chance.randrange(128, 256) for _ in range(200)))
    with pytest.raises(BadInput) as caught:
        read_document(path)
    assert caught.value.code in ("text_encoding_doubtful", "text_unreadable")
