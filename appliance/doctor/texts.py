"""The doctor's findings in English and Chinese: what was found and what to do about it.

An empty ``cure`` means that no action is needed: such a finding has the level ``ok``.
"""

from __future__ import annotations

from appliance.messages.message import Message, message

TEXTS: dict[str, Message] = {
    "machine": message(
        "{model}: {cores} cores, {memory} MB of memory, {system}, Python {python}, Lectern "
        "{version}.",
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
    "python_untested": message(
        "This is Python {python}, but Lectern is tested only with 3.10 to 3.12.",
        "Install one of those versions, then install Lectern again.",
        "当前为 Python {python}，但 Lectern 只在 3.10 至 3.12 上经过测试。",
        "请安装其中一个版本，然后重新安装 Lectern。",
    ),
    "memory_small": message(
        "The device has {memory} MB of memory, which is not enough for large videos.",
        "Use presenter videos of at most 1280 × 720 pixels.",
        "设备只有 {memory} MB 内存，不足以处理大尺寸视频。",
        "请使用不超过 1280 × 720 像素的主讲人视频。",
    ),
    "memory_low": message(
        "Only {free} MB of {memory} MB of memory are free.",
        "Close other programs, or restart the device.",
        "{memory} MB 内存中仅有 {free} MB 可用。",
        "请关闭其他程序，或重启设备。",
    ),
    "l4t_allocation_limit": message(
        "L4T {l4t} cannot allocate 4 GB of graphics memory in one block.",
        "Update to JetPack 6.2.2 (L4T 36.5) when possible.",
        "L4T {l4t} 无法一次分配 4 GB 显存。",
        "请在方便时升级到 JetPack 6.2.2（L4T 36.5）。",
    ),
    "power_mode_low": message(
        "The power mode is {mode}, which makes all processing slow.",
        "Choose a higher power mode with sudo nvpmodel -m NUMBER; this board supports {modes}.",
        "当前功耗模式为 {mode}，处理速度较慢。",
        "请用 sudo nvpmodel -m 编号 选择更高的功耗模式；设备支持 {modes}。",
    ),
    "provider_passed": message(
        "{provider} runs the {precision} network correctly: {ms} ms per frame, {batch} frames per "
        "batch.",
        "",
        "{provider} 能正确运行 {precision} 神经网络：每帧 {ms} 毫秒，每批 {batch} 帧。",
        "",
    ),
    "provider_failed": message(
        "{provider} is not used for the {precision} network ({reason}).",
        "Install the GPU build of ONNX Runtime for this JetPack, as described in the operator's "
        "guide.",
        "{precision} 神经网络不使用 {provider}（{reason}）。",
        "请按操作指南安装适用于此 JetPack 的 GPU 版 ONNX Runtime。",
    ),
    "precision_failed": message(
        "The {precision} network does not run on the CPU ({reason}).",
        "Reinstall Lectern to restore its files and the ONNX Runtime version that it was tested "
        "with.",
        "{precision} 神经网络无法在 CPU 上运行（{reason}）。",
        "请重新安装 Lectern，以恢复其文件和经过测试的 ONNX Runtime 版本。",
    ),
    "provider_missing": message(
        "ONNX Runtime does not include {provider} here, so the network runs more slowly than it "
        "could.",
        "Install the GPU build of ONNX Runtime for this JetPack, as described in the operator's "
        "guide.",
        "当前 ONNX Runtime 不含 {provider}，神经网络的运行速度低于设备的能力。",
        "请按操作指南安装适用于此 JetPack 的 GPU 版 ONNX Runtime。",
    ),
    "provider_selected": message(
        "Videos are rendered with {provider} in {precision}, {ms} ms per frame.",
        "",
        "视频由 {provider} 以 {precision} 精度生成，每帧 {ms} 毫秒。",
        "",
    ),
    "no_provider": message(
        "No provider runs the network correctly ({reason}).",
        "Reinstall Lectern; if the problem remains, send the file from lectern doctor --report to "
        "support.",
        "没有计算后端能正确运行神经网络（{reason}）。",
        "请重新安装 Lectern；如果问题仍然存在，请将 lectern doctor --report "
        "生成的文件发给技术支持。",
    ),
    "model_intact": message(
        "The model {name} {version} is intact ({sha}).",
        "",
        "模型 {name} {version} 完整（{sha}）。",
        "",
    ),
    "face_models_intact": message(
        "The face models are intact.",
        "",
        "人脸模型完整。",
        "",
    ),
    "software_encoder": message(
        "Video is encoded by x264 with the preset {preset}, {ms} ms per frame of 1920 × 1080 "
        "pixels.",
        "",
        "视频由 x264 以 {preset} 预设编码，1920 × 1080 像素每帧 {ms} 毫秒。",
        "",
    ),
    "hardware_encoder": message(
        "Video is encoded by the hardware encoder.",
        "",
        "视频由硬件编码器编码。",
        "",
    ),
    "encoder_broken": message(
        "The {codec} encoder does not work on this device ({reason}).",
        "Reinstall Lectern; the encoder is part of the av package.",
        "{codec} 编码器无法在此设备上使用（{reason}）。",
        "请重新安装 Lectern；编码器随 av 软件包提供。",
    ),
    "hardware_encoder_unused": message(
        "The hardware encoder is not used ({reason}), so video is encoded by x264.",
        "",
        "未使用硬件编码器（{reason}），视频由 x264 编码。",
        "",
    ),
    "disk": message(
        "{free} GB of {total} GB are free on the disk that holds Lectern's files ({root}).",
        "",
        "Lectern 文件所在的磁盘（{root}）共 {total} GB，可用 {free} GB。",
        "",
    ),
    "disk_low": message(
        "Only {free} GB are free in {root}, and no job starts with less than {needed} GB.",
        "Delete finished videos, set jobs.max_age_days, or use a larger disk.",
        "{root} 仅有 {free} GB 可用，低于 {needed} GB 时不会开始任务。",
        "请删除成品，设置 jobs.max_age_days，或换用更大的磁盘。",
    ),
    "flash_worn": message(
        "The flash memory has used {percent} % of its lifetime.",
        "Back up important files, and replace the flash memory before it fails.",
        "闪存寿命已消耗 {percent}%。",
        "请备份重要文件，并在损坏前更换闪存。",
    ),
    "folders": message(
        "All folders are writable.",
        "",
        "所有文件夹均可写入。",
        "",
    ),
    "folder_not_writable": message(
        "Lectern cannot write to {folder} ({reason}).",
        "Run lectern doctor as the user lectern, or make that user the owner of the folder with "
        "chown.",
        "Lectern 无法写入 {folder}（{reason}）。",
        "请以 lectern 用户运行 lectern doctor，或用 chown 将该文件夹的所有者设为该用户。",
    ),
    "folders_missing": message(
        "The folders in {root} do not exist yet.",
        "Run lectern serve once to create them.",
        "{root} 中尚无文件夹。",
        "请运行一次 lectern serve 以创建文件夹。",
    ),
    "temperature": message(
        "The highest temperature is {celsius} °C ({zone}), {margin} °C below its limit.",
        "",
        "最高温度为 {celsius} °C（{zone}），比上限低 {margin} °C。",
        "",
    ),
    "temperature_high": message(
        "The temperature of {zone} is {celsius} °C, only {margin} °C below its limit.",
        "Improve the ventilation, clean the fan, or choose a lower power mode.",
        "{zone} 的温度为 {celsius} °C，仅比上限低 {margin} °C。",
        "请改善通风，清洁风扇，或选择更低的功耗模式。",
    ),
    "throttled": message(
        "The device is throttled at the moment, so processing takes longer.",
        "Improve the ventilation, and use the original power supply.",
        "设备正在降频，处理时间会变长。",
        "请改善通风，并使用原装电源。",
    ),
    "temperature_unknown": message(
        "No temperature sensor was found.",
        "",
        "未找到温度传感器。",
        "",
    ),
    "share": message(
        "The folders are shared on the network with Samba.",
        "",
        "文件夹已通过 Samba 在网络上共享。",
        "",
    ),
    "share_off": message(
        "The folders are not shared on the network, but the panel and USB drives can be used.",
        "Run sudo ./setup.sh install --share if teachers should copy files over the network.",
        "文件夹未在网络上共享，但可以使用控制面板和 U 盘。",
        "如需让教师通过网络复制文件，请运行 sudo ./setup.sh install --share。",
    ),
    "share_down": message(
        "Sharing the folders on the network is configured, but Samba is not running.",
        "Start it with sudo systemctl enable --now smbd.",
        "已配置网络共享，但 Samba 未运行。",
        "请运行 sudo systemctl enable --now smbd。",
    ),
    "clock": message(
        "The system time is {time}.",
        "",
        "系统时间为 {time}。",
        "",
    ),
    "clock_wrong": message(
        "The system time is {time}, which is before Lectern was installed.",
        "Set it with sudo timedatectl set-time, or connect the device to the internet for a "
        "minute.",
        "系统时间为 {time}，早于 Lectern 的安装时间。",
        "请用 sudo timedatectl set-time 设置时间，或让设备联网一分钟。",
    ),
    "voices": message(
        "English texts are read by the built-in voice, and other languages by espeak-ng.",
        "",
        "英文文本由内置语音朗读，其他语言由 espeak-ng 朗读。",
        "",
    ),
    "voices_english": message(
        "Only English texts can be read aloud, because espeak-ng is not installed.",
        "Run sudo apt-get install espeak-ng for Chinese and other languages.",
        "未安装 espeak-ng，只能朗读英文文本。",
        "如需朗读中文和其他语言，请运行 sudo apt-get install espeak-ng。",
    ),
    "panel_files_complete": message(
        "The panel's files are complete.",
        "",
        "控制面板的文件完整。",
        "",
    ),
    "panel_files_missing": message(
        "The panel's files {files} are missing.",
        "Run python -m web.assets.build in Lectern's folder, or reinstall Lectern.",
        "控制面板缺少文件 {files}。",
        "请在 Lectern 文件夹中运行 python -m web.assets.build，或重新安装 Lectern。",
    ),
    "daemon_running": message(
        "The background service has been running since {since}.",
        "",
        "后台服务自 {since} 起运行。",
        "",
    ),
    "backup_made": message(
        "The database {name} is intact, and its last backup is of {time}.",
        "",
        "数据库 {name} 完好，最近一次备份于 {time}。",
        "",
    ),
    "backup_unneeded": message(
        "There are no databases to back up yet.",
        "",
        "目前没有需要备份的数据库。",
        "",
    ),
    "backup_none": message(
        "There is no backup of the database {name} yet.",
        "Leave the background service running; it makes a backup every day.",
        "数据库 {name} 尚无备份。",
        "请保持后台服务运行，它每天备份一次。",
    ),
    "database_missing": message(
        "The database {name} is missing, but there are backups of it.",
        "If it was not deleted on purpose, stop Lectern and run sudo lectern restore.",
        "数据库 {name} 不存在，但有它的备份。",
        "如果不是有意删除，请停止 Lectern 并运行 sudo lectern restore。",
    ),
    "daemon_not_running": message(
        "The background service is not running, so files in the inbox are not processed.",
        "Start it with sudo systemctl start lectern, or with lectern serve.",
        "后台服务未运行，收件文件夹中的文件不会被处理。",
        "请运行 sudo systemctl start lectern 或 lectern serve。",
    ),
    "check_failed": message(
        "The check “{name}” failed because of an error ({reason}).",
        "Send the file that lectern doctor --report writes to the administrator of the device.",
        "检查“{name}”因出错未能完成（{reason}）。",
        "请将 lectern doctor --report 生成的文件发给设备管理员。",
    ),
}
