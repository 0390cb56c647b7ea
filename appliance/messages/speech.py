"""Errors of texts and voices."""

from __future__ import annotations

from appliance.messages.message import Message, message

MESSAGES: dict[str, Message] = {
    "text_unreadable": message(
        "The text in {name} cannot be read.",
        "Save it as plain text in UTF-8, then try again.",
        "无法读取 {name} 中的文本。",
        "请将其另存为 UTF-8 纯文本，然后重试。",
    ),
    "text_too_long": message(
        "The text in {name} is far too long.",
        "Check that it is the right file, or split it into several files.",
        "{name} 中的文本太长。",
        "请检查文件是否正确，或将其拆分成几个文件。",
    ),
    "text_empty": message(
        "The lecture text contains no words.",
        "Write the words to be read aloud, and save the file again.",
        "讲课文本中没有可朗读的文字。",
        "请写入要朗读的文字并重新保存文件。",
    ),
    "voice_missing": message(
        "No voice on this device can read the text ({voice} is not available).",
        "Use a recording or an English text instead, or install espeak-ng.",
        "设备上没有可以朗读该文本的语音（{voice} 不可用）。",
        "请改用录音或英文文本，或安装 espeak-ng。",
    ),
}
