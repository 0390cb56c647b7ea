"""Files that come through the panel."""

from __future__ import annotations

from appliance.messages.message import Message, message

MESSAGES: dict[str, Message] = {
    "upload_unknown": message(
        "There is no such upload.",
        "Choose the file again: unfinished uploads are thrown away after a while.",
        "没有这个上传任务。",
        "请重新选择文件：未完成的上传过一段时间会被清除。",
    ),
    "upload_unfinished": message(
        "The upload of {name} is not finished.",
        "Wait until it has arrived, or choose the file again.",
        "{name} 还没有上传完。",
        "请等待上传完成，或重新选择文件。",
    ),
    "upload_too_large": message(
        "{name} is larger than the {limit} that may come here.",
        "Use a shorter or smaller file, or ask the box's administrator for a higher limit.",
        "{name} 超过了允许的大小（{limit}）。",
        "请使用更短或更小的文件，或请管理员提高上限。",
    ),
    "upload_quota": message(
        "With {name} your uploads would take more than {limit}.",
        "Start or delete what you have uploaded before, then try again.",
        "加上 {name}，您的上传总量将超过 {limit}。",
        "请先使用或删除以前上传的文件，然后重试。",
    ),
    "upload_too_many": message(
        "You have {limit} uploads that belong to no video yet.",
        "Start or delete those first.",
        "您已有 {limit} 个尚未使用的上传文件。",
        "请先使用或删除它们。",
    ),
    "upload_offset": message(
        "The next piece of the upload must begin at byte {wanted}, not at {offset}.",
        "Ask how far the upload is, and go on from there.",
        "上传的下一部分应从第 {wanted} 字节开始，而不是 {offset}。",
        "请先查询上传进度，然后从那里继续。",
    ),
    "upload_busy": message(
        "Another piece of {name} is just being written.",
        "Try again in a few seconds.",
        "{name} 的另一部分正在写入。",
        "请几秒钟后重试。",
    ),
    "upload_checksum": message(
        "A piece of {name} was damaged on its way.",
        "Send that piece again: nothing of it was kept.",
        "{name} 的一部分在传输中损坏。",
        "请重新发送这一部分，损坏的数据没有保留。",
    ),
    "upload_checksum_kind": message(
        "The checksum {name} cannot be read.",
        "Send one of crc32, sha1 or sha256, in base64, or none.",
        "无法识别校验和 {name}。",
        "请使用 base64 编码的 crc32、sha1 或 sha256，或不发送校验和。",
    ),
    "upload_protocol": message(
        "The upload's header {name} is missing or cannot be read.",
        "Use a program that speaks the tus protocol, version 1.0.0.",
        "上传请求的标头 {name} 缺失或无法识别。",
        "请使用支持 tus 1.0.0 协议的程序。",
    ),
    "upload_crowded": message(
        "Too many pieces are being uploaded at this moment.",
        "Try again in a few seconds: uploads go on by themselves.",
        "当前同时上传的数据过多。",
        "请几秒钟后重试，上传会自动继续。",
    ),
}
