"""Errors of uploads, the presenter library and the creation of jobs."""

from __future__ import annotations

from appliance.messages.message import Message, message

MESSAGES: dict[str, Message] = {
    "upload_unknown": message(
        "This upload does not exist.",
        "Choose the file again; unfinished uploads are deleted after a while.",
        "该上传不存在。",
        "请重新选择文件；未完成的上传会在一段时间后删除。",
    ),
    "upload_incomplete": message(
        "The upload of {name} is not finished.",
        "Wait until it has finished, or choose the file again.",
        "{name} 尚未上传完成。",
        "请等待上传完成，或重新选择文件。",
    ),
    "upload_too_large": message(
        "{name} is larger than the limit of {limit}.",
        "Use a shorter or smaller file, or ask the administrator to raise the limit.",
        "{name} 超过了大小上限（{limit}）。",
        "请使用更短或更小的文件，或请管理员提高上限。",
    ),
    "upload_quota_exceeded": message(
        "With {name}, your uploads would exceed the limit of {limit}.",
        "Use or delete files that you uploaded earlier, then try again.",
        "加上 {name}，您的上传总量将超过上限（{limit}）。",
        "请先使用或删除以前上传的文件，然后重试。",
    ),
    "upload_too_many": message(
        "You have {limit} uploads that are not used for a video yet.",
        "Use or delete some of them first.",
        "您已有 {limit} 个尚未使用的上传文件。",
        "请先使用或删除其中一些。",
    ),
    "upload_offset_mismatch": message(
        "The next part of the upload must start at byte {wanted}, not at byte {offset}.",
        "Query the progress of the upload, and continue from there.",
        "上传的下一部分应从第 {wanted} 字节开始，而不是第 {offset} 字节。",
        "请先查询上传进度，然后从那里继续。",
    ),
    "upload_busy": message(
        "Another part of {name} is being written at the moment.",
        "Try again in a few seconds.",
        "{name} 的另一部分正在写入。",
        "请几秒后重试。",
    ),
    "upload_checksum_mismatch": message(
        "A part of {name} was damaged during the transfer.",
        "Send that part again; the damaged data was not kept.",
        "{name} 的一部分在传输中损坏。",
        "请重新发送这一部分；损坏的数据没有保留。",
    ),
    "upload_checksum_unsupported": message(
        "The checksum {name} is invalid or not supported.",
        "Send a checksum of the type crc32, sha1 or sha256 in base64, or none.",
        "校验和 {name} 无效或不受支持。",
        "请使用 base64 编码的 crc32、sha1 或 sha256，或不发送校验和。",
    ),
    "upload_header_invalid": message(
        "The upload header {name} is missing or invalid.",
        "Use a program that supports version 1.0.0 of the tus protocol.",
        "上传请求头 {name} 缺失或无效。",
        "请使用支持 tus 协议 1.0.0 版的程序。",
    ),
    "upload_version_unsupported": message(
        "The upload does not use version 1.0.0 of the tus protocol.",
        "Send the header Tus-Resumable with the value 1.0.0.",
        "上传请求不符合 tus 协议 1.0.0 版。",
        "请发送请求头 Tus-Resumable，值为 1.0.0。",
    ),
    "too_many_concurrent_uploads": message(
        "Too many uploads are in progress at the moment.",
        "Try again in a few seconds; uploads continue automatically.",
        "当前同时进行的上传过多。",
        "请几秒后重试；上传会自动继续。",
    ),
    "presenter_unknown": message(
        "There is no presenter named {name} in the library.",
        "Choose one from the list, or add a new one.",
        "主讲人库中没有 {name}。",
        "请从列表中选择，或添加新的主讲人。",
    ),
    "recording_needs_library": message(
        "{name} is not in the library of presenters, so no recording can be stored for it.",
        "Copy the clip into {library}, then run the same command with that file.",
        "{name} 不在主讲人库中，因此无法为其保存学习录像。",
        "请将该视频复制到 {library}，再对该文件运行同一命令。",
    ),
    "recording_type_unsupported": message(
        "{name} is not a video, so nothing can be learned from it.",
        "Choose a video with sound in which the presenter reads a text.",
        "{name} 不是视频，无法从中学习。",
        "请选择一段有声音、由主讲人朗读文字的视频。",
    ),
    "presenter_exists": message(
        "There is already a presenter named {name} in the library.",
        "Choose another name, or delete the existing presenter first.",
        "主讲人库中已有 {name}。",
        "请换一个名称，或先删除现有的主讲人。",
    ),
    "thumbnail_pending": message(
        "There is no thumbnail of {name} yet.",
        "Try again in a few seconds; Lectern creates the thumbnail while it is running.",
        "{name} 还没有缩略图。",
        "请几秒后重试；缩略图会在 Lectern 运行时生成。",
    ),
    "presenter_type_unsupported": message(
        "{name} is neither a video nor a photo, so it cannot be used as the presenter.",
        "Choose a video or photo of the person who is to speak.",
        "{name} 不是视频或照片，不能用作主讲人。",
        "请选择讲话者的视频或照片。",
    ),
    "too_many_jobs": message(
        "This would create {count} videos, but at most {limit} can be started at once.",
        "Choose fewer presenters or lectures, and start the rest later.",
        "这样会生成 {count} 个视频，但一次最多只能开始 {limit} 个。",
        "请减少主讲人或讲课内容，其余的稍后再开始。",
    ),
    "result_file_missing": message(
        "This file of job {job} does not exist.",
        "Check the outbox folder; the file may have been moved, or it was never created.",
        "任务 {job} 的这个文件不存在。",
        "请查看发件文件夹；文件可能已被移走，或从未生成。",
    ),
}
