"""Video, sound and pictures."""

from __future__ import annotations

from appliance.messages.message import Message, message

MESSAGES: dict[str, Message] = {
    "not_media": message(
        "The file {name} is not a video, photo or sound recording that Lectern can read.",
        "Save it as MP4, JPEG or MP3 with the program that made it, then try again.",
        "{name} 不是 Lectern 能读取的视频、照片或录音。",
        "请用原来的软件另存为 MP4、JPEG 或 MP3，然后重试。",
    ),
    "video_missing": message(
        "The file {name} holds no moving picture.",
        "Choose a video or a photo of the presenter.",
        "文件 {name} 中没有视频画面。",
        "请选择主讲人的视频或照片。",
    ),
    "picture_unreadable": message(
        "The picture in {name} cannot be decoded.",
        "Open it in another program and save it as MP4 or JPEG, then try again.",
        "无法解码 {name} 中的画面。",
        "请用其他软件打开并另存为 MP4 或 JPEG，然后重试。",
    ),
    "picture_too_small": message(
        "The picture in {name} is too small ({width}×{height}).",
        "Use one that is at least {minimum} pixels wide and high.",
        "{name} 的画面太小（{width}×{height}）。",
        "请使用宽和高都不少于 {minimum} 像素的画面。",
    ),
    "picture_too_large": message(
        "The video {name} is larger than 4K ({width}×{height}).",
        "Export it at {max_width}×{max_height} or less, upright or lying.",
        "视频 {name} 超过 4K（{width}×{height}）。",
        "请以不超过 {max_width}×{max_height}（横向或纵向）的尺寸重新导出。",
    ),
    "photo_too_large": message(
        "The photo {name} is too large ({width}×{height}).",
        "Save it as a JPEG, or with at most {megapixels} million pixels.",
        "照片 {name} 太大（{width}×{height}）。",
        "请另存为 JPEG，或不超过 {megapixels} 百万像素。",
    ),
    "photo_format": message(
        "The photo {name} is in the HEIC or AVIF format, which Lectern cannot read.",
        "Export it as JPEG, or set the phone's camera to its most compatible format.",
        "照片 {name} 是 HEIC 或 AVIF 格式，Lectern 无法读取。",
        "请导出为 JPEG，或在手机相机设置中选择“兼容性最佳”。",
    ),
    "audio_missing": message(
        "The file {name} holds no sound.",
        "Choose a recording, or a video with sound.",
        "文件 {name} 中没有声音。",
        "请选择录音，或带声音的视频。",
    ),
    "audio_unreadable": message(
        "The sound in {name} cannot be decoded.",
        "Open it in another program and save it as MP3 or WAV, then try again.",
        "无法解码 {name} 中的声音。",
        "请用其他软件打开并另存为 MP3 或 WAV，然后重试。",
    ),
    "audio_too_short": message(
        "The sound in {name} lasts only {seconds} s.",
        "Use a recording of at least {minimum} s.",
        "{name} 中的声音只有 {seconds} 秒。",
        "请使用不短于 {minimum} 秒的录音。",
    ),
    "encoder_failed": message(
        "The video {name} could not be encoded ({reason}).",
        "Start the work again, and run lectern doctor if it fails once more.",
        "无法编码视频 {name}（{reason}）。",
        "请重新开始任务；若再次失败，请运行 lectern doctor。",
    ),
    "segment_damaged": message(
        "The intermediate file {name} is missing or damaged.",
        "Start the work again: the part will be made anew.",
        "中间文件 {name} 缺失或已损坏。",
        "请重新开始任务，该部分会重新生成。",
    ),
}
