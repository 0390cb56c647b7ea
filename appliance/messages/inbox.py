"""Reasons why items in the inbox are waiting."""

from __future__ import annotations

from appliance.messages.message import Message, message

MESSAGES: dict[str, Message] = {
    "waiting_lecture": message(
        "The presenter {name} is waiting for a lecture.",
        "Put a recording or text named {stem} into the inbox, for example {stem}.wav.",
        "主讲人 {name} 正在等待讲课内容。",
        "请把名为 {stem} 的录音或文本放入收件文件夹，例如 {stem}.wav。",
    ),
    "waiting_presenter": message(
        "The lecture {name} is waiting for a presenter.",
        "Put a video or photo named {stem} into the inbox, or one named default into the "
        "presenters folder.",
        "讲课内容 {name} 正在等待主讲人。",
        "请把名为 {stem} 的视频或照片放入收件文件夹，或把名为 default 的文件放入 "
        "presenters 文件夹。",
    ),
    "waiting_named_presenter": message(
        "The lecture {name} is waiting for the presenter {presenter}, who is not in the library.",
        "Put a video or photo named {presenter} into the presenters folder, or one named {stem} "
        "into the inbox.",
        "讲课内容 {name} 正在等待主讲人 {presenter}，该主讲人不在主讲人库中。",
        "请把名为 {presenter} 的视频或照片放入 presenters 文件夹，或把名为 {stem} "
        "的文件放入收件文件夹。",
    ),
    "waiting_similar": message(
        "The file {name} is waiting, because {other} has nearly the same name.",
        "If you did mean {other}, give both files the same name, for example {stem}.",
        "文件 {name} 正在等待，因为 {other} 的名称与它几乎相同。",
        "如果您指的是 {other}，请让两个文件的主文件名相同，例如 {stem}。",
    ),
    "subtitles_alone": message(
        "The subtitles {name} belong to no recording.",
        "Put them into the inbox together with the presenter and a recording named {stem}.",
        "字幕 {name} 没有对应的录音。",
        "请把它与主讲人和名为 {stem} 的录音一起放入收件文件夹。",
    ),
    "waiting_folder_lecture": message(
        "The folder {folder} is waiting for a lecture.",
        "Put a recording or text into the folder; any file name will do.",
        "文件夹 {folder} 正在等待讲课内容。",
        "请把录音或文本放入该文件夹，文件名不限。",
    ),
    "waiting_folder_presenter": message(
        "The lecture {name} in the folder {folder} is waiting for a presenter.",
        "Put a video or photo into that folder, or one named default into the presenters folder.",
        "文件夹 {folder} 中的讲课内容 {name} 正在等待主讲人。",
        "请把视频或照片放入该文件夹，或把名为 default 的文件放入 presenters 文件夹。",
    ),
    "job_file_outside_folder": message(
        "The settings file {name} is not in a folder, so it belongs to no lecture.",
        "Put it into a folder together with the presenter and the lecture.",
        "设置文件 {name} 不在文件夹中，不属于任何讲课内容。",
        "请把它与主讲人和讲课内容一起放入一个文件夹。",
    ),
    "folder_nested": message(
        "The folder {name} is inside another folder in the inbox.",
        "Move it directly into the inbox, next to the other folders.",
        "文件夹 {name} 位于收件文件夹内的另一个文件夹中。",
        "请把它直接移到收件文件夹中，与其他文件夹并列。",
    ),
}
