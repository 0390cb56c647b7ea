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
    "upload_version": message(
        "The upload does not follow version 1.0.0 of the tus protocol.",
        "Send the header Tus-Resumable with the value 1.0.0.",
        "上传请求不符合 tus 协议 1.0.0 版。",
        "请发送标头 Tus-Resumable，值为 1.0.0。",
    ),
    "upload_crowded": message(
        "Too many pieces are being uploaded at this moment.",
        "Try again in a few seconds: uploads go on by themselves.",
        "当前同时上传的数据过多。",
        "请几秒钟后重试，上传会自动继续。",
    ),
    "presenter_unknown": message(
        "There is no presenter {name} in the library.",
        "Choose one from the list, or add a new one.",
        "主讲人库中没有 {name}。",
        "请从列表中选择，或添加新的主讲人。",
    ),
    "presenter_exists": message(
        "The library has a presenter {name} already.",
        "Choose another name, or delete the old one first.",
        "主讲人库中已有 {name}。",
        "请换一个名字，或先删除原来的主讲人。",
    ),
    "picture_awaited": message(
        "The box has not made a picture of {name} yet.",
        "Ask again in a few seconds, while the box is at work.",
        "设备还没有生成 {name} 的预览图。",
        "请在设备运行时过几秒再试。",
    ),
    "not_a_presenter": message(
        "{name} is neither a video nor a photo, so it cannot be the presenter.",
        "Choose a video or a photo of the person who is to speak.",
        "{name} 不是视频或照片，不能作为主讲人。",
        "请选择讲话者的视频或照片。",
    ),
    "too_many_jobs": message(
        "That would make {count} videos, and at most {limit} may be started at once.",
        "Choose fewer presenters or lectures, and start the rest afterwards.",
        "这样会生成 {count} 个视频，一次最多只能开始 {limit} 个。",
        "请减少主讲人或讲课文件，其余的稍后再开始。",
    ),
    "file_gone": message(
        "This file of job {job} is not there.",
        "Look into the outbox folder: somebody may have moved it, or it was never made.",
        "任务 {job} 的这个文件不存在。",
        "请查看发件文件夹：文件可能已被移走，或未曾生成。",
    ),
}
