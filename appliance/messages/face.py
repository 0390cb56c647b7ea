"""Faces and the networks that find them."""

from __future__ import annotations

from appliance.messages.message import Message, message

MESSAGES: dict[str, Message] = {
    "face_models_missing": message(
        "The face model {name} is missing or damaged.",
        "Run the set-up again (./setup.sh demo) while the box is online.",
        "人脸模型 {name} 缺失或已损坏。",
        "请联网后重新运行安装程序（./setup.sh demo）。",
    ),
    "face_models_fetch": message(
        "The face models could not be fetched ({reason}).",
        "Check the internet connection and the free disk space, then run the set-up again.",
        "无法获取人脸模型（{reason}）。",
        "请检查网络连接和磁盘剩余空间，然后重新运行安装程序。",
    ),
    "no_face": message(
        "No face was found in {name}.",
        "Use a picture or video in which the presenter looks towards the camera.",
        "在 {name} 中没有找到人脸。",
        "请使用主讲人面向镜头的照片或视频。",
    ),
    "face_number": message(
        "There is no face number {number} in {name}; it shows {count}.",
        "Choose a smaller number, counted from the largest face.",
        "{name} 中没有第 {number} 张人脸，只找到 {count} 张。",
        "请选择较小的编号，从最大的人脸开始数。",
    ),
}
