"""Errors of face detection and its neural networks."""

from __future__ import annotations

from appliance.messages.message import Message, message

MESSAGES: dict[str, Message] = {
    "face_models_missing": message(
        "The face model {name} is missing or damaged.",
        "Connect the device to the internet, then run ./setup.sh demo again.",
        "人脸模型 {name} 缺失或已损坏。",
        "请将设备连接到互联网，然后重新运行 ./setup.sh demo。",
    ),
    "face_models_download_failed": message(
        "The face models could not be downloaded ({reason}).",
        "Check the internet connection and the free disk space, then run the setup again.",
        "无法下载人脸模型（{reason}）。",
        "请检查网络连接和可用磁盘空间，然后重新运行安装程序。",
    ),
    "no_face": message(
        "No face was found in {name}.",
        "Use a photo or video in which the presenter faces the camera.",
        "在 {name} 中没有找到人脸。",
        "请使用主讲人面向镜头的照片或视频。",
    ),
    "face_too_small": message(
        "The face in {name} is too small: it is {pixels} pixels wide, but {needed} are needed.",
        "Use a photo or video that shows the presenter larger, or crop it.",
        "{name} 中的人脸太小：宽 {pixels} 像素，至少需要 {needed} 像素。",
        "请使用主讲人在画面中更大的照片或视频，或裁剪画面。",
    ),
    "face_number_out_of_range": message(
        "{name} has no face number {number}; faces found: {count}.",
        "Choose a smaller number; 0 is the largest face.",
        "{name} 中没有编号为 {number} 的人脸，只找到 {count} 张。",
        "请选择较小的编号；0 表示最大的人脸。",
    ),
}
