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
    "waiting_folder_lecture": message(
        "The folder {folder} waits for a lecture.",
        "Put a recording or a text into it, under any name.",
        "文件夹 {folder} 正在等待讲课内容。",
        "请把录音或文本放入该文件夹，文件名不限。",
    ),
    "waiting_folder_presenter": message(
        "The lecture {name} in the folder {folder} waits for its presenter.",
        "Put a video or photo of the presenter into it, or one named default into presenters.",
        "文件夹 {folder} 中的讲课内容 {name} 正在等待主讲人。",
        "请把主讲人的视频或照片放入该文件夹，或把名为 default 的放入 presenters。",
    ),
    "job_file_alone": message(
        "The settings {name} lie outside of a folder, so they belong to no lecture.",
        "Put them into a folder together with the presenter and the lecture.",
        "设置文件 {name} 不在文件夹中，不属于任何讲课内容。",
        "请把它与主讲人和讲课内容一起放入一个文件夹。",
    ),
    "folder_nested": message(
        "The folder {name} lies inside another folder that was dropped.",
        "Put it into the inbox itself, beside the other folders.",
        "文件夹 {name} 位于另一个放入的文件夹中。",
        "请把它直接放入收件文件夹，与其他文件夹并列。",
    ),
}
