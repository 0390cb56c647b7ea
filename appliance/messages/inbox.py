"""What lies in the inbox and waits."""

from __future__ import annotations

from appliance.messages.message import Message, message

MESSAGES: dict[str, Message] = {
    "waiting_lecture": message(
        "The presenter {name} waits for its lecture.",
        "Put a recording or a text with the name {stem} into the inbox, such as {stem}.wav.",
        "主讲人 {name} 正在等待讲课内容。",
        "请把名为 {stem} 的录音或文本放入收件文件夹，例如 {stem}.wav。",
    ),
    "waiting_presenter": message(
        "The lecture {name} waits for its presenter.",
        "Put a video or photo named {stem} into the inbox, or one named default into presenters.",
        "讲课内容 {name} 正在等待主讲人。",
        "请把名为 {stem} 的视频或照片放入收件文件夹，或把名为 default 的放入 presenters。",
    ),
    "waiting_named": message(
        "The lecture {name} waits for the presenter {presenter}, who is not in the library.",
        "Put a video or photo named {presenter} into presenters, or one named {stem} here.",
        "讲课内容 {name} 正在等待主讲人 {presenter}，该主讲人不在库中。",
        "请把名为 {presenter} 的视频或照片放入 presenters，或把名为 {stem} 的放入收件文件夹。",
    ),
}
