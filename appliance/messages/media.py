"""Errors of video, sound and photos."""

from __future__ import annotations

from appliance.messages.message import Message, message

MESSAGES: dict[str, Message] = {
    "not_media": message(
        "The file {name} is not a video, photo or audio recording that Lectern can read.",
        "Save it as MP4, JPEG or MP3 in the program that created it, then try again.",
        "文件 {name} 不是 Lectern 能读取的视频、照片或录音。",
        "请用原来的软件另存为 MP4、JPEG 或 MP3，然后重试。",
    ),
    "video_missing": message(
        "The file {name} contains no video.",
        "Choose a video or a photo of the presenter.",
        "文件 {name} 中没有视频画面。",
        "请选择主讲人的视频或照片。",
    ),
    "picture_unreadable": message(
        "The video or photo {name} cannot be decoded.",
        "Open it in another program, save it as MP4 or JPEG, then try again.",
        "无法解码视频或照片 {name}。",
        "请用其他软件打开并另存为 MP4 或 JPEG，然后重试。",
    ),
    "picture_too_small": message(
        "The picture in {name} is too small ({width}×{height} pixels).",
        "Use a video or photo that is at least {minimum} pixels wide and high.",
        "{name} 的画面太小（{width}×{height} 像素）。",
        "请使用宽和高都不小于 {minimum} 像素的视频或照片。",
    ),
    "picture_too_large": message(
        "The video {name} is larger than 8K ({width}×{height} pixels).",
        "Export it at {max_width}×{max_height} pixels or less, in landscape or portrait format.",
        "视频 {name} 超过 8K（{width}×{height} 像素）。",
        "请以不超过 {max_width}×{max_height} 像素的尺寸（横向或纵向）重新导出。",
    ),
    "photo_too_large": message(
        "The photo {name} is too large ({width}×{height} pixels).",
        "Save it as JPEG, or reduce it to at most {megapixels} megapixels.",
        "照片 {name} 太大（{width}×{height} 像素）。",
        "请另存为 JPEG，或缩小到不超过 {megapixels} 百万像素。",
    ),
    "photo_format_unsupported": message(
        "The photo {name} is in a HEIC format that Lectern cannot read.",
        "Export it as JPEG, or set the phone's camera to its most compatible format.",
        "照片 {name} 是 Lectern 无法读取的 HEIC 格式。",
        "请导出为 JPEG，或在手机相机设置中选择“兼容性最佳”。",
    ),
    "audio_missing": message(
        "The file {name} contains no sound.",
        "Choose a recording or a video with sound.",
        "文件 {name} 中没有声音。",
        "请选择录音或有声视频。",
    ),
    "audio_unreadable": message(
        "The sound in {name} cannot be decoded.",
        "Open it in another program, save it as MP3 or WAV, then try again.",
        "无法解码 {name} 中的声音。",
        "请用其他软件打开并另存为 MP3 或 WAV，然后重试。",
    ),
    "audio_too_short": message(
        "The sound in {name} is only {seconds} s long.",
        "Use a recording of at least {minimum} s.",
        "{name} 中的声音只有 {seconds} 秒。",
        "请使用不短于 {minimum} 秒的录音。",
    ),
    "encoder_failed": message(
        "The video {name} could not be encoded ({reason}).",
        "Try again; if it fails again, run lectern doctor.",
        "无法编码视频 {name}（{reason}）。",
        "请重试；如果再次失败，请运行 lectern doctor。",
    ),
    "segment_damaged": message(
        "The intermediate file {name} is missing or damaged.",
        "Start the job again; this part will be rendered again.",
        "中间文件 {name} 缺失或已损坏。",
        "请重新开始任务，该部分会重新生成。",
    ),
}
