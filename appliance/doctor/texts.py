"""What the doctor says, in English and Chinese: the finding, and what to do about it.

A finding without a cure is only ever good news.
"""

from __future__ import annotations

from appliance.messages.message import Message, message

TEXTS: dict[str, Message] = {
    "machine": message(
        "{model}: {cores} cores, {memory} MB, {system}, Python {python}, Lectern {version}.",
        "",
        "{model}：{cores} 个核心，{memory} MB 内存，{system}，Python {python}，Lectern {version}。",
        "",
    ),
    "jetpack": message(
        "JetPack {jetpack} (L4T {l4t}, TensorRT {tensorrt}), power mode {mode}.",
        "",
        "JetPack {jetpack}（L4T {l4t}，TensorRT {tensorrt}），功耗模式 {mode}。",
        "",
    ),
    "python_other": message(
        "This is Python {python}, and Lectern is tested with 3.10 to 3.12.",
        "Install one of those and set Lectern up again.",
        "当前为 Python {python}，而 Lectern 在 3.10 至 3.12 上经过测试。",
        "请安装其中一个版本并重新安装 Lectern。",
    ),
    "memory_small": message(
        "The machine has {memory} MB of memory, which is little for large videos.",
        "Use presenters of at most 1280 × 720.",
        "本机只有 {memory} MB 内存，不足以处理大尺寸视频。",
        "请使用不超过 1280 × 720 的主讲人视频。",
    ),
    "memory_busy": message(
        "Only {free} MB of {memory} MB of memory are free.",
        "Close other programs, or restart the box.",
        "{memory} MB 内存中仅剩 {free} MB 可用。",
        "请关闭其他程序，或重启设备。",
    ),
    "l4t_large_blocks": message(
        "L4T {l4t} cannot give a program 4 GB of graphics memory at once.",
        "Update to JetPack 6.2.2 (L4T 36.5) when you can.",
        "L4T {l4t} 无法一次性为程序分配 4 GB 显存。",
        "请在方便时升级到 JetPack 6.2.2（L4T 36.5）。",
    ),
    "power_mode_low": message(
        "The power mode is {mode}, in which everything is slow.",
        "Choose a stronger one with sudo nvpmodel -m NUMBER; this board knows {modes}.",
        "当前功耗模式为 {mode}，整体速度较慢。",
        "请用 sudo nvpmodel -m 编号 选择更高的模式；本机支持 {modes}。",
    ),
    "engine_passed": message(
        "{provider} computes the {precision} network rightly: {ms} ms a frame, {batch} at a time.",
        "",
        "{provider} 能正确运行 {precision} 网络：每帧 {ms} 毫秒，每次 {batch} 帧。",
        "",
    ),
    "engine_refused": message(
        "{provider} is not used for the {precision} network ({reason}).",
        "Install the GPU build of ONNX Runtime for this JetPack, as the operator's guide says.",
        "{precision} 网络不使用 {provider}（{reason}）。",
        "请按操作指南安装适用于本机 JetPack 的 GPU 版 ONNX Runtime。",
    ),
    "precision_refused": message(
        "The {precision} network does not run on the processor ({reason}).",
        "Install Lectern again, so that its files and ONNX Runtime are those it was tested with.",
        "{precision} 网络无法在处理器上运行（{reason}）。",
        "请重新安装 Lectern，以恢复经过测试的文件和 ONNX Runtime。",
    ),
    "engine_absent": message(
        "This ONNX Runtime has no {provider}, so the network runs slower than this board can.",
        "Install the GPU build of ONNX Runtime for this JetPack, as the operator's guide says.",
        "当前 ONNX Runtime 不含 {provider}，网络运行速度低于本机能力。",
        "请按操作指南安装适用于本机 JetPack 的 GPU 版 ONNX Runtime。",
    ),
    "engine_chosen": message(
        "Videos are made with {provider} in {precision}, {ms} ms a frame.",
        "",
        "视频由 {provider} 以 {precision} 精度生成，每帧 {ms} 毫秒。",
        "",
    ),
    "engine_none": message(
        "No engine computes the network rightly ({reason}).",
        "Install Lectern again; if it stays, send the file that lectern doctor --report writes.",
        "没有引擎能正确运行网络（{reason}）。",
        "请重新安装 Lectern；若仍如此，请发送 lectern doctor --report 生成的文件。",
    ),
    "model_sound": message(
        "Model {name} {version} is whole ({sha}).",
        "",
        "模型 {name} {version} 完整（{sha}）。",
        "",
    ),
    "face_sound": message(
        "The face networks are whole.",
        "",
        "人脸网络完整。",
        "",
    ),
    "codecs": message(
        "Video is written by x264 at the preset {preset}, {ms} ms a frame of 1920 × 1080.",
        "",
        "视频由 x264 以 {preset} 预设编码，1920 × 1080 每帧 {ms} 毫秒。",
        "",
    ),
    "encoder_hardware": message(
        "Video is written by the hardware encoder.",
        "",
        "视频由硬件编码器编码。",
        "",
    ),
    "codec_missing": message(
        "The {codec} encoder does not work here ({reason}).",
        "Install Lectern again: it comes with the av package.",
        "{codec} 编码器无法使用（{reason}）。",
        "请重新安装 Lectern：编码器随 av 软件包提供。",
    ),
    "nvenc_absent": message(
        "The hardware encoder is not used ({reason}), so x264 writes the video.",
        "",
        "未使用硬件编码器（{reason}），由 x264 编码。",
        "",
    ),
    "disk": message(
        "{free} GB of {total} GB are free where Lectern keeps its files ({root}).",
        "",
        "Lectern 存放文件处（{root}）的 {total} GB 空间剩余 {free} GB。",
        "",
    ),
    "disk_low": message(
        "Only {free} GB are free in {root}, and no job starts below {needed} GB.",
        "Delete finished videos, set jobs.keep_days, or attach a larger disk.",
        "{root} 仅剩 {free} GB，低于 {needed} GB 时不会开始任务。",
        "请删除已完成的视频，设置 jobs.keep_days，或换用更大的磁盘。",
    ),
    "disk_worn": message(
        "The flash chip has used {percent} % of its life.",
        "Copy what matters and replace it before it fails.",
        "闪存寿命已消耗 {percent}%。",
        "请备份重要文件，并在损坏前更换。",
    ),
    "folders": message(
        "All folders can be written.",
        "",
        "所有文件夹均可写入。",
        "",
    ),
    "folder_closed": message(
        "Lectern may not write to {folder} ({reason}).",
        "Run the doctor as the user lectern, or give that user the folder with chown.",
        "Lectern 无法写入 {folder}（{reason}）。",
        "请以 lectern 用户运行诊断，或用 chown 将该文件夹交给该用户。",
    ),
    "folders_absent": message(
        "There are no folders in {root} yet.",
        "Start Lectern once with lectern serve, which makes them.",
        "{root} 中尚无文件夹。",
        "请运行一次 lectern serve，它会创建文件夹。",
    ),
    "heat": message(
        "{zone} is the warmest at {celsius} °C, {room} °C below its limit.",
        "",
        "{zone} 温度最高，为 {celsius} °C，距上限 {room} °C。",
        "",
    ),
    "heat_high": message(
        "{zone} is at {celsius} °C, only {room} °C below its limit.",
        "Give the box air, clean its fan, or choose a lower power mode.",
        "{zone} 已达 {celsius} °C，距上限仅 {room} °C。",
        "请改善通风，清洁风扇，或选择较低的功耗模式。",
    ),
    "throttled": message(
        "The machine holds its clocks down now, and all takes longer.",
        "Give the box air, and use the power supply that came with it.",
        "设备正在降频，处理时间会变长。",
        "请改善通风，并使用原装电源。",
    ),
    "heat_unknown": message(
        "This machine does not tell its temperature.",
        "",
        "本机不提供温度信息。",
        "",
    ),
    "share": message(
        "The folders are on the network by Samba.",
        "",
        "文件夹已通过 Samba 在网络上共享。",
        "",
    ),
    "share_off": message(
        "The folders are not on the network; the panel and USB sticks work without.",
        "Run sudo ./setup.sh install --share if teachers should drop files by network.",
        "文件夹未在网络上共享；面板和 U 盘不受影响。",
        "如需让教师通过网络放入文件，请运行 sudo ./setup.sh install --share。",
    ),
    "share_down": message(
        "The folders are set up for the network, but Samba does not run.",
        "Start it with sudo systemctl enable --now smbd.",
        "已配置网络共享，但 Samba 未运行。",
        "请运行 sudo systemctl enable --now smbd。",
    ),
    "clock": message(
        "The clock says {time}.",
        "",
        "系统时间为 {time}。",
        "",
    ),
    "clock_wrong": message(
        "The clock says {time}, which is before Lectern was installed.",
        "Set it with sudo timedatectl set-time, or connect the box to the internet for a minute.",
        "系统时间为 {time}，早于 Lectern 的安装时间。",
        "请用 sudo timedatectl set-time 设置时间，或让设备联网一分钟。",
    ),
    "voices": message(
        "Texts are read by the English voice and by espeak-ng for other languages.",
        "",
        "文本由内置英语语音朗读，其他语言由 espeak-ng 朗读。",
        "",
    ),
    "voices_english": message(
        "Only English texts can be read aloud, as espeak-ng is not installed.",
        "Run sudo apt-get install espeak-ng for Chinese and other languages.",
        "未安装 espeak-ng，只能朗读英语文本。",
        "如需中文和其他语言，请运行 sudo apt-get install espeak-ng。",
    ),
    "panel_whole": message(
        "The panel's files are whole.",
        "",
        "面板文件完整。",
        "",
    ),
    "panel_files": message(
        "The panel lacks {files}.",
        "Run python -m web.assets.build in Lectern's folder, or install Lectern again.",
        "面板缺少 {files}。",
        "请在 Lectern 文件夹中运行 python -m web.assets.build，或重新安装 Lectern。",
    ),
    "daemon_up": message(
        "The daemon is at work since {since}.",
        "",
        "后台服务自 {since} 起运行。",
        "",
    ),
    "daemon_down": message(
        "The daemon is not running, so nothing in the inbox is worked on.",
        "Start it with sudo systemctl start lectern, or with lectern serve.",
        "后台服务未运行，收件箱中的文件不会被处理。",
        "请运行 sudo systemctl start lectern，或 lectern serve。",
    ),
    "check_broken": message(
        "The check of {name} could not be made ({reason}).",
        "Send the file that lectern doctor --report writes to who looks after the box.",
        "无法检查{name}（{reason}）。",
        "请将 lectern doctor --report 生成的文件发给设备维护人员。",
    ),
}
