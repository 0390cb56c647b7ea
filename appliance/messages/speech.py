"""Texts and voices."""

from __future__ import annotations

from appliance.messages.message import Message, message

MESSAGES: dict[str, Message] = {
    "text_unreadable": message(
        "The text in {name} cannot be read.",
        "Save it as plain text in UTF-8, then try again.",
        "无法读取 {name} 中的文字。",
        "请将其另存为 UTF-8 纯文本，然后重试。",
    ),
    "text_too_long": message(
        "The text in {name} is far longer than any lecture.",
        "Check that it is the right file, or split it into several.",
        "{name} 中的文字远远超出一堂课的长度。",
        "请检查文件是否正确，或将其拆分成几个文件。",
    ),
    "text_empty": message(
        "The text of the lecture holds no words.",
        "Write something to be read aloud and save the file again.",
        "讲稿中没有可朗读的文字。",
        "请写入要朗读的内容并重新保存文件。",
    ),
    "voice_missing": message(
        "No voice named {voice} on this machine can read the text.",
        "Give a recording instead, write the text in English, or install espeak-ng.",
        "本机没有可以朗读该文字的语音（{voice}）。",
        "请改用录音或英文讲稿，或安装 espeak-ng。",
    ),
}
