"""The catalogue of what can go wrong: one entry a code, in English and Chinese.

``text`` says what happened, ``cure`` what to do; each is one sentence. Placeholders such as
``{name}`` are filled by the error's details. The teacher's guide lists the same codes, and a test
keeps the two lists equal.
"""

from __future__ import annotations

from typing import NamedTuple


class Message(NamedTuple):
    """One failure's texts, each a mapping from language (``en``, ``zh``) to a sentence."""

    text: dict[str, str]
    cure: dict[str, str]


def _message(text_en: str, cure_en: str, text_zh: str, cure_zh: str) -> Message:
    return Message({"en": text_en, "zh": text_zh}, {"en": cure_en, "zh": cure_zh})


MESSAGES: dict[str, Message] = {
    "file_missing": _message(
        "The file {name} does not exist.",
        "Check the spelling and the folder, then try again.",
        "找不到文件 {name}。",
        "请检查文件名和所在文件夹,然后重试。",
    ),
    "file_empty": _message(
        "The file {name} is empty.",
        "Copy it again: the first copy was probably interrupted.",
        "文件 {name} 是空的。",
        "请重新复制,上一次复制可能中断了。",
    ),
    "file_unreadable": _message(
        "The file {name} may not be read ({reason}).",
        "Give the box read permission, or copy the file again.",
        "无法读取文件 {name}({reason})。",
        "请检查读取权限,或重新复制该文件。",
    ),
    "face_models_missing": _message(
        "The face model {name} is missing or damaged.",
        "Run the set-up again (./setup.sh demo) while the box is online.",
        "人脸模型 {name} 缺失或已损坏。",
        "请联网后重新运行安装程序(./setup.sh demo)。",
    ),
    "face_models_fetch": _message(
        "The face models could not be fetched ({reason}).",
        "Check the internet connection and the free disk space, then run the set-up again.",
        "无法获取人脸模型({reason})。",
        "请检查网络连接和磁盘剩余空间,然后重新运行安装程序。",
    ),
}
