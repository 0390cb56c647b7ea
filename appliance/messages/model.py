"""Errors of the lip-sync model, its neural networks and their benchmark."""

from __future__ import annotations

from appliance.messages.message import Message, message

MESSAGES: dict[str, Message] = {
    "model_unknown": message(
        "There is no model named {name}.",
        "Choose one of {known}, or specify the path of a model.json or .onnx file.",
        "没有名为 {name} 的模型。",
        "请选择以下模型之一：{known}，或指定 model.json 或 .onnx 文件的路径。",
    ),
    "model_unreadable": message(
        "The model file {name} has an unknown format.",
        "Use a Lectern model.json, or an ONNX file with the interface of Wav2Lip.",
        "无法识别模型文件 {name} 的格式。",
        "请使用 Lectern 的 model.json，或具有 Wav2Lip 接口的 ONNX 文件。",
    ),
    "model_damaged": message(
        "The model {name} is incomplete or damaged: {part} is missing or has been changed.",
        "Reinstall Lectern, or restore the models folder.",
        "模型 {name} 不完整或已损坏：{part} 缺失或已被更改。",
        "请重新安装 Lectern，或恢复模型文件夹。",
    ),
    "model_interface_mismatch": message(
        "The neural network {name} does not have the inputs and outputs of Wav2Lip.",
        "Use an ONNX file with the inputs mel (1×80×16) and face (6×96×96).",
        "神经网络 {name} 的输入和输出与 Wav2Lip 不一致。",
        "请使用输入为梅尔频谱（1×80×16）和人脸（6×96×96）的 ONNX 文件。",
    ),
    "precision_unavailable": message(
        "The model {name} is not available in {precision} precision.",
        "Choose one of these precisions: {known}.",
        "模型 {name} 没有 {precision} 精度的版本。",
        "请选择以下精度之一：{known}。",
    ),
    "inference_failed": message(
        "The neural network {name} could not run on this device ({reason}).",
        "Restart the device; if the problem remains, run lectern doctor and report the result.",
        "神经网络 {name} 无法在此设备上运行（{reason}）。",
        "请重启设备；如果问题仍然存在，请运行 lectern doctor 并反馈结果。",
    ),
    "memory_too_small": message(
        "A video of {width} × {height} pixels needs about {need} MB of memory, but only {budget} "
        "MB are free.",
        "Use a smaller video of the presenter, or allow Lectern more memory in the settings.",
        "处理 {width} × {height} 像素的视频大约需要 {need} MB 内存，但只有 {budget} MB 可用。",
        "请使用较小的主讲人视频，或在设置中为 Lectern 分配更多内存。",
    ),
    "bench_presenter_missing": message(
        "There is no presenter for the benchmark.",
        "Specify a presenter video and a recording, or put a video into the presenters folder.",
        "没有可用于性能测试的主讲人。",
        "请指定主讲人视频和录音，或在 presenters 文件夹中放入一个视频。",
    ),
    "bench_lecture_missing": message(
        "A presenter was specified for the benchmark, but no lecture.",
        "Specify a recording as well: lectern bench PRESENTER LECTURE.",
        "已为性能测试指定主讲人，但没有指定讲课内容。",
        "请同时指定录音：lectern bench PRESENTER LECTURE。",
    ),
    "bench_failed": message(
        "The benchmark failed ({reason}).",
        "Run lectern render with the same files to find the cause.",
        "性能测试失败（{reason}）。",
        "请用同样的文件运行 lectern render 以查明原因。",
    ),
}
