"""Write the table of errors into the teacher's guides, from the message catalogue.

Run it after a change of ``appliance/messages``::

    .venv/bin/python docs/errors.py
"""

from __future__ import annotations

import re
from pathlib import Path

from appliance.messages import MESSAGES

GUIDES = {"en": "teacher.en.md", "zh": "teacher.zh.md"}
HEADS = {"en": ("Code", "What happened", "What to do"), "zh": ("代码", "发生了什么", "怎么办")}
BEGIN, END = "<!-- errors: written by docs/errors.py -->\n", "<!-- end of errors -->\n"


def table(language: str) -> str:
    """Every code with its sentence and its cure; what differs from case to case is a …."""
    lines = ["| " + " | ".join(HEADS[language]) + " |", "|---|---|---|"]
    for code, message in sorted(MESSAGES.items()):
        sentences = (message.text[language], message.cure[language])
        cells = [re.sub(r"\{\w+\}", "…", sentence).replace("|", r"\|") for sentence in sentences]
        lines.append(f"| `{code}` | {cells[0]} | {cells[1]} |")
    return "\n".join(lines) + "\n"


def with_table(guide: str, language: str) -> str:
    """The text of a guide with its table brought up to date."""
    before, rest = guide.split(BEGIN)
    after = rest.split(END)[1]
    return before + BEGIN + table(language) + END + after


def main() -> None:
    """Rewrite both guides."""
    for language, name in GUIDES.items():
        path = Path(__file__).parent / name
        path.write_text(with_table(path.read_text(encoding="utf-8"), language), encoding="utf-8")


if __name__ == "__main__":
    main()
