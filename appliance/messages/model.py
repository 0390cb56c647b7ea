"""The network that moves the lips, and where it runs."""

from __future__ import annotations

from appliance.messages.message import Message, message

MESSAGES: dict[str, Message] = {
    "model_unknown": message(
        "There is no model called {name}.",
        "Use one of these: {known}, or the path of a model.json or .onnx file.",
        "没有名为 {name} 的模型。",
        "请使用以下模型之一：{known}，或指定 model.json 或 .onnx 文件的路径。",
    ),
    "model_unreadable": message(
        "The model file {name} is not in a form that Lectern knows.",
        "Use a Lectern model.json, or an ONNX file with Wav2Lip's interface.",
        "无法识别模型文件 {name} 的格式。",
        "请使用 Lectern 的 model.json，或具有 Wav2Lip 接口的 ONNX 文件。",
    ),
    "model_damaged": message(
        "The model {name} is incomplete or damaged: {part} is not the file that was shipped.",
        "Install Lectern again, or restore the models folder.",
        "模型 {name} 不完整或已损坏：{part} 不是原来的文件。",
        "请重新安装 Lectern，或恢复模型文件夹。",
    ),
    "model_interface": message(
        "The network {name} does not have Wav2Lip's inputs and outputs.",
        "Use an ONNX file with mel 1×80×16 and face 6×96×96 inputs.",
        "网络 {name} 没有 Wav2Lip 的输入和输出。",
        "请使用输入为梅尔 1×80×16 和人脸 6×96×96 的 ONNX 文件。",
    ),
    "precision_missing": message(
        "The model {name} does not come in {precision}.",
        "Choose one of these precisions: {known}.",
        "模型 {name} 没有 {precision} 精度的版本。",
        "请选择以下精度之一：{known}。",
    ),
    "network_failed": message(
        "The network {name} could not run on this machine ({reason}).",
        "Start the box again; if it stays, run the doctor and report what it says.",
        "网络 {name} 无法在本机运行（{reason}）。",
        "请重启设备；如果仍然失败，请运行诊断并反馈结果。",
    ),
    "memory_too_small": message(
        "A video of {width} × {height} needs about {need} MB of memory, but {budget} MB are free.",
        "Use a smaller video of the presenter, or give the box more memory in its settings.",
        "处理 {width} × {height} 的视频大约需要 {need} MB 内存，而可用的只有 {budget} MB。",
        "请使用分辨率较小的主讲人视频，或在设置中分配更多内存。",
    ),
    "bench_presenter": message(
        "There is no presenter to measure with.",
        "Name a presenter video and a recording, or put one into the folder presenters.",
        "没有可用于测量的讲师素材。",
        "请指定讲师视频和录音，或在 presenters 文件夹中放入一个。",
    ),
    "bench_lecture": message(
        "A presenter was named to measure with, but no lecture.",
        "Name a recording as well: lectern bench PRESENTER LECTURE.",
        "已指定讲师素材，但没有指定讲课录音。",
        "请同时指定录音：lectern bench PRESENTER LECTURE。",
    ),
    "bench_failed": message(
        "The measurement broke off ({reason}).",
        "Run lectern render with the same files to see what is wrong.",
        "测量中断（{reason}）。",
        "请用同样的文件运行 lectern render 查看原因。",
    ),
}
