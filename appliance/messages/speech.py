"""Errors of texts, voices and the speech encoder."""

from __future__ import annotations

from appliance.messages.message import Message, message

MESSAGES: dict[str, Message] = {
    "text_unreadable": message(
        "The text in {name} cannot be read.",
        "Save it as plain text in UTF-8, then try again.",
        "无法读取 {name} 中的文本。",
        "请将其另存为 UTF-8 纯文本，然后重试。",
    ),
    "text_encoding_doubtful": message(
        "The characters of {name} are stored in a way that is not certain (perhaps {guess}).",
        "Open it in a text editor, check that it reads correctly, and save it as UTF-8.",
        "无法确定 {name} 的字符编码（可能是 {guess}）。",
        "请用文本编辑器打开，确认文字显示正确后另存为 UTF-8。",
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
    "speech_encoder_missing": message(
        "The weights of the speech encoder ({name}) are missing or damaged.",
        "Connect the device to the internet, then run ./setup.sh speech.",
        "语音编码器的权重文件（{name}）缺失或已损坏。",
        "请将设备连接到互联网，然后运行 ./setup.sh speech。",
    ),
    "speech_encoder_download_failed": message(
        "The speech encoder could not be downloaded ({reason}).",
        "Check the internet connection and the free disk space, then run ./setup.sh speech again.",
        "无法下载语音编码器（{reason}）。",
        "请检查网络连接和可用磁盘空间，然后重新运行 ./setup.sh speech。",
    ),
}
