"""The catalogue of what can go wrong: one entry a code, in English and Chinese.

``text`` says what happened, ``cure`` what to do; each is one sentence. Placeholders such as
``{name}`` are filled by the error's details. The teacher's guide lists the same codes, and a test
keeps the two lists equal.
"""

from __future__ import annotations

from typing import NamedTuple


class Message(NamedTuple):
    """One failure's texts, each a mapping from language (``en``, ``zh``) to a sentence."""

    text: dict[str, str]
    cure: dict[str, str]


def _message(text_en: str, cure_en: str, text_zh: str, cure_zh: str) -> Message:
    return Message({"en": text_en, "zh": text_zh}, {"en": cure_en, "zh": cure_zh})


MESSAGES: dict[str, Message] = {
    "file_missing": _message(
        "The file {name} does not exist.",
        "Check the spelling and the folder, then try again.",
        "找不到文件 {name}。",
        "请检查文件名和所在文件夹，然后重试。",
    ),
    "file_empty": _message(
        "The file {name} is empty.",
        "Copy it again: the first copy was probably interrupted.",
        "文件 {name} 是空的。",
        "请重新复制，上一次复制可能中断了。",
    ),
    "file_unreadable": _message(
        "The file {name} may not be read ({reason}).",
        "Give the box read permission, or copy the file again.",
        "无法读取文件 {name}（{reason}）。",
        "请检查读取权限，或重新复制该文件。",
    ),
    "face_models_missing": _message(
        "The face model {name} is missing or damaged.",
        "Run the set-up again (./setup.sh demo) while the box is online.",
        "人脸模型 {name} 缺失或已损坏。",
        "请联网后重新运行安装程序（./setup.sh demo）。",
    ),
    "face_models_fetch": _message(
        "The face models could not be fetched ({reason}).",
        "Check the internet connection and the free disk space, then run the set-up again.",
        "无法获取人脸模型（{reason}）。",
        "请检查网络连接和磁盘剩余空间，然后重新运行安装程序。",
    ),
    "config_no_settings": _message(
        "The config file {name} holds no settings.",
        'Write one setting a line, such as "root: ./box".',
        "配置文件 {name} 中没有任何设置项。",
        "请每行写一个设置，例如“root: ./box”。",
    ),
    "config_syntax": _message(
        "Line {line} of {name} cannot be read as YAML ({reason}).",
        "Compare the line, its colons and its spaces at the start with the example config.yaml.",
        "{name} 第 {line} 行不是有效的 YAML（{reason}）。",
        "请对照示例 config.yaml 检查该行的冒号和行首空格。",
    ),
    "config_unknown": _message(
        "Line {line} of {name} has the unknown key {key}.",
        "Remove the line; the example config.yaml lists every key.",
        "{name} 第 {line} 行的设置项 {key} 不存在。",
        "请删除该行，示例 config.yaml 列出了全部设置项。",
    ),
    "config_misspelt": _message(
        "Line {line} of {name} has the unknown key {key}.",
        "Write {suggestion} instead, or remove the line.",
        "{name} 第 {line} 行的设置项 {key} 不存在。",
        "请改为 {suggestion}，或删除该行。",
    ),
    "config_twice": _message(
        "Line {line} of {name} sets {key} again, which line {first} has already set.",
        "Keep one of the two lines.",
        "{name} 第 {line} 行重复设置了 {key}，第 {first} 行已经设置过。",
        "请只保留其中一行。",
    ),
    "config_not_section": _message(
        "Line {line} of {name} gives {key} the value {value}, but {key} is a section.",
        "Put its settings on lines of their own below it, indented by two spaces.",
        "{name} 第 {line} 行给 {key} 写了值 {value}，但 {key} 是一个分组。",
        "请把该组的设置逐行写在下面，并缩进两个空格。",
    ),
    "config_not_switch": _message(
        "Line {line} of {name} sets {key} to {value}, which is neither true nor false.",
        "Write true or false, without quotation marks.",
        "{name} 第 {line} 行的 {key} 写成了 {value}，它只能是 true 或 false。",
        "请写 true 或 false，不要加引号。",
    ),
    "config_not_whole": _message(
        "Line {line} of {name} sets {key} to {value}, which is not a whole number.",
        "Write a whole number, without quotation marks or a unit.",
        "{name} 第 {line} 行的 {key} 写成了 {value}，它必须是整数。",
        "请写一个整数，不要加引号或单位。",
    ),
    "config_not_number": _message(
        "Line {line} of {name} sets {key} to {value}, which is not a number.",
        "Write a number, without quotation marks or a unit.",
        "{name} 第 {line} 行的 {key} 写成了 {value}，它必须是数字。",
        "请写一个数字，不要加引号或单位。",
    ),
    "config_not_text": _message(
        "Line {line} of {name} sets {key} to {value}, which is not text.",
        "Write the text in quotation marks.",
        "{name} 第 {line} 行的 {key} 写成了 {value}，它必须是文字。",
        "请用引号把文字括起来。",
    ),
    "config_not_list": _message(
        "Line {line} of {name} sets {key} to {value}, which is not a list.",
        "Write the values in square brackets, with commas between them.",
        "{name} 第 {line} 行的 {key} 写成了 {value}，它必须是列表。",
        "请把各个值写在方括号里，用逗号隔开。",
    ),
    "config_not_offered": _message(
        "Line {line} of {name} sets {key} to {value}, which is not on offer.",
        "Write one of {limit}.",
        "{name} 第 {line} 行的 {key} 写成了 {value}，没有这个选项。",
        "请从这些选项中选择：{limit}。",
    ),
    "config_too_low": _message(
        "Line {line} of {name} sets {key} to {value}, which is too low.",
        "Write {limit} or more.",
        "{name} 第 {line} 行的 {key} 写成了 {value}，数值太小。",
        "请写不小于 {limit} 的数。",
    ),
    "config_too_high": _message(
        "Line {line} of {name} sets {key} to {value}, which is too high.",
        "Write {limit} or less.",
        "{name} 第 {line} 行的 {key} 写成了 {value}，数值太大。",
        "请写不大于 {limit} 的数。",
    ),
    "config_refused": _message(
        "Line {line} of {name} sets {key} to {value}, which cannot be used ({limit}).",
        "Compare it with the example config.yaml, or remove the line to get the default.",
        "{name} 第 {line} 行的 {key} 写成了 {value}，无法使用（{limit}）。",
        "请对照示例 config.yaml 修改，或删除该行以使用默认值。",
    ),
    "model_unknown": _message(
        "There is no model called {name}.",
        "Use one of these: {known}, or the path of a model.json or .onnx file.",
        "没有名为 {name} 的模型。",
        "请使用以下模型之一：{known}，或指定 model.json 或 .onnx 文件的路径。",
    ),
    "model_unreadable": _message(
        "The model file {name} is not in a form that Lectern knows.",
        "Use a Lectern model.json, or an ONNX file with Wav2Lip's interface.",
        "无法识别模型文件 {name} 的格式。",
        "请使用 Lectern 的 model.json，或具有 Wav2Lip 接口的 ONNX 文件。",
    ),
    "model_damaged": _message(
        "The model {name} is incomplete or damaged: {part} is not the file that was shipped.",
        "Install Lectern again, or restore the models folder.",
        "模型 {name} 不完整或已损坏：{part} 不是原来的文件。",
        "请重新安装 Lectern，或恢复模型文件夹。",
    ),
    "precision_missing": _message(
        "The model {name} does not come in {precision}.",
        "Choose one of these precisions: {known}.",
        "模型 {name} 没有 {precision} 精度的版本。",
        "请选择以下精度之一：{known}。",
    ),
    "network_failed": _message(
        "The network {name} could not run on this machine ({reason}).",
        "Start the box again; if it stays, run the doctor and report what it says.",
        "网络 {name} 无法在本机运行（{reason}）。",
        "请重启设备；如果仍然失败，请运行诊断并反馈结果。",
    ),
    "no_face": _message(
        "No face was found in {name}.",
        "Use a picture or video in which the presenter looks towards the camera.",
        "在 {name} 中没有找到人脸。",
        "请使用主讲人面向镜头的照片或视频。",
    ),
    "face_number": _message(
        "There is no face number {number} in {name}; it shows {count}.",
        "Choose a smaller number, counted from the largest face.",
        "{name} 中没有第 {number} 张人脸，只找到 {count} 张。",
        "请选择较小的编号，从最大的人脸开始数。",
    ),
    "cancelled": _message(
        "The work was cancelled.",
        "Start it again when you are ready: nothing was left behind.",
        "任务已取消。",
        "需要时可以重新开始，没有留下任何残余文件。",
    ),
    "output_exists_folder": _message(
        "The output {name} is a folder.",
        "Name a file that ends in .mp4.",
        "输出 {name} 是一个文件夹。",
        "请指定以 .mp4 结尾的文件名。",
    ),
    "output_unwritable": _message(
        "The output {name} cannot be written ({reason}).",
        "Choose a folder that exists and that you may write to.",
        "无法写入输出 {name}（{reason}）。",
        "请选择存在且有写入权限的文件夹。",
    ),
    "file_is_folder": _message(
        "{name} is a folder, not a file.",
        "Choose the file inside it.",
        "{name} 是文件夹，不是文件。",
        "请选择其中的文件。",
    ),
    "not_media": _message(
        "The file {name} is not a video, photo or sound recording that Lectern can read.",
        "Save it as MP4, JPEG or MP3 with the program that made it, then try again.",
        "{name} 不是 Lectern 能读取的视频、照片或录音。",
        "请用原来的软件另存为 MP4、JPEG 或 MP3，然后重试。",
    ),
    "file_truncated": _message(
        "The end of the file {name} is missing.",
        "Copy or export it again, and wait until that has finished.",
        "文件 {name} 不完整，缺少结尾部分。",
        "请重新复制或导出，并等待其完成。",
    ),
    "video_missing": _message(
        "The file {name} holds no moving picture.",
        "Choose a video or a photo of the presenter.",
        "文件 {name} 中没有视频画面。",
        "请选择主讲人的视频或照片。",
    ),
    "picture_unreadable": _message(
        "The picture in {name} cannot be decoded.",
        "Open it in another program and save it as MP4 or JPEG, then try again.",
        "无法解码 {name} 中的画面。",
        "请用其他软件打开并另存为 MP4 或 JPEG，然后重试。",
    ),
    "picture_too_small": _message(
        "The picture in {name} is too small ({width}×{height}).",
        "Use one that is at least {minimum} pixels wide and high.",
        "{name} 的画面太小（{width}×{height}）。",
        "请使用宽和高都不少于 {minimum} 像素的画面。",
    ),
    "picture_too_large": _message(
        "The video {name} is larger than 4K ({width}×{height}).",
        "Export it at {max_width}×{max_height} or less, upright or lying.",
        "视频 {name} 超过 4K（{width}×{height}）。",
        "请以不超过 {max_width}×{max_height}（横向或纵向）的尺寸重新导出。",
    ),
    "photo_too_large": _message(
        "The photo {name} is too large ({width}×{height}).",
        "Save it as a JPEG, or with at most {megapixels} million pixels.",
        "照片 {name} 太大（{width}×{height}）。",
        "请另存为 JPEG，或不超过 {megapixels} 百万像素。",
    ),
    "audio_missing": _message(
        "The file {name} holds no sound.",
        "Choose a recording, or a video with sound.",
        "文件 {name} 中没有声音。",
        "请选择录音，或带声音的视频。",
    ),
    "audio_unreadable": _message(
        "The sound in {name} cannot be decoded.",
        "Open it in another program and save it as MP3 or WAV, then try again.",
        "无法解码 {name} 中的声音。",
        "请用其他软件打开并另存为 MP3 或 WAV，然后重试。",
    ),
    "audio_too_short": _message(
        "The sound in {name} lasts only {seconds} s.",
        "Use a recording of at least {minimum} s.",
        "{name} 中的声音只有 {seconds} 秒。",
        "请使用不短于 {minimum} 秒的录音。",
    ),
    "disk_full": _message(
        "The disk is full: {name} could not be written.",
        "Delete what is no longer needed, then start the work again.",
        "磁盘已满，无法写入 {name}。",
        "请删除不再需要的文件，然后重新开始任务。",
    ),
    "encoder_failed": _message(
        "The video {name} could not be encoded ({reason}).",
        "Start the work again, and run lectern doctor if it fails once more.",
        "无法编码视频 {name}（{reason}）。",
        "请重新开始任务；若再次失败，请运行 lectern doctor。",
    ),
    "segment_damaged": _message(
        "The intermediate file {name} is missing or damaged.",
        "Start the work again: the part will be made anew.",
        "中间文件 {name} 缺失或已损坏。",
        "请重新开始任务，该部分会重新生成。",
    ),
    "memory_too_small": _message(
        "A video of {width} × {height} needs about {need} MB of memory, but {budget} MB are free.",
        "Use a smaller video of the presenter, or give the box more memory in its settings.",
        "处理 {width} × {height} 的视频大约需要 {need} MB 内存，而可用的只有 {budget} MB。",
        "请使用分辨率较小的主讲人视频，或在设置中分配更多内存。",
    ),
    "text_unreadable": _message(
        "The text in {name} cannot be read.",
        "Save it as plain text in UTF-8, then try again.",
        "无法读取 {name} 中的文字。",
        "请将其另存为 UTF-8 纯文本，然后重试。",
    ),
    "model_interface": _message(
        "The network {name} does not have Wav2Lip's inputs and outputs.",
        "Use an ONNX file with mel 1×80×16 and face 6×96×96 inputs.",
        "网络 {name} 没有 Wav2Lip 的输入和输出。",
        "请使用输入为梅尔 1×80×16 和人脸 6×96×96 的 ONNX 文件。",
    ),
    "text_empty": _message(
        "The text of the lecture holds no words.",
        "Write something to be read aloud and save the file again.",
        "讲稿中没有可朗读的文字。",
        "请写入要朗读的内容并重新保存文件。",
    ),
    "voice_missing": _message(
        "No voice named {voice} on this machine can read the text.",
        "Give a recording instead, write the text in English, or install espeak-ng.",
        "本机没有可以朗读该文字的语音（{voice}）。",
        "请改用录音或英文讲稿，或安装 espeak-ng。",
    ),
    "photo_format": _message(
        "The photo {name} is in the HEIC or AVIF format, which Lectern cannot read.",
        "Export it as JPEG, or set the phone's camera to its most compatible format.",
        "照片 {name} 是 HEIC 或 AVIF 格式，Lectern 无法读取。",
        "请导出为 JPEG，或在手机相机设置中选择“兼容性最佳”。",
    ),
    "store_busy": _message(
        "The list of jobs {name} is in use by another program.",
        "Try again in a moment, or start the box again if it stays.",
        "任务列表 {name} 正被其他程序占用。",
        "请稍后重试；如果一直如此，请重启设备。",
    ),
    "store_damaged": _message(
        "The list of jobs {name} cannot be used ({reason}).",
        "Stop Lectern and rename that file: a new list is begun, and no video is lost.",
        "任务列表 {name} 无法使用（{reason}）。",
        "请停止 Lectern 并把该文件改名，系统会新建列表，视频不会丢失。",
    ),
    "store_newer": _message(
        "The list of jobs {name} was written by a later version of Lectern.",
        "Install that version again.",
        "任务列表 {name} 是由较新版本的 Lectern 写入的。",
        "请重新安装该版本。",
    ),
    "job_unknown": _message(
        "There is no job number {job}.",
        "List the jobs to see their numbers.",
        "没有编号为 {job} 的任务。",
        "请查看任务列表中的编号。",
    ),
    "job_wrong_state": _message(
        "This cannot be done with job {job}, which is {state}.",
        "Look at the job: what is over can at most be tried again, and only if it did not succeed.",
        "任务 {job} 的状态是 {state}，不能这样操作。",
        "请查看该任务：已结束的任务只有在未成功时才能重试。",
    ),
    "file_claimed": _message(
        "The file {name} already belongs to another job.",
        "Wait until that job is over, or cancel it first.",
        "文件 {name} 已经属于另一个任务。",
        "请等待该任务结束，或先取消它。",
    ),
    "no_progress": _message(
        "The box went down {attempts} times over this job without getting any further.",
        "Try it again with a smaller video, or on a box with a steady power supply.",
        "设备在处理该任务时中断了 {attempts} 次，没有任何进展。",
        "请使用较小的视频重试，或检查设备的供电。",
    ),
    "job_options": _message(
        "An option of the job cannot be used ({reason}).",
        "Correct it, or leave it out to get the box's own setting.",
        "任务的选项无法使用（{reason}）。",
        "请改正，或去掉该选项以使用设备的设置。",
    ),
    "work_failed": _message(
        "The work on this lecture broke off ({reason}).",
        "It is tried again by itself; if it fails for good, use another recording or video.",
        "该讲课视频的制作中断了（{reason}）。",
        "系统会自动重试；如果最终失败，请换用其他录音或视频。",
    ),
    "low_space": _message(
        "The disk has only {free} MB left, and a new job needs {needed} MB.",
        "Delete videos that are no longer needed: the work then goes on by itself.",
        "磁盘只剩 {free} MB，而新任务需要 {needed} MB。",
        "请删除不再需要的视频，之后任务会自动继续。",
    ),
    "already_serving": _message(
        "Another Lectern is already at work in {name}.",
        "Let that one go on, or stop it first.",
        "已有另一个 Lectern 正在 {name} 中工作。",
        "请让它继续，或先将其停止。",
    ),
    "waiting_lecture": _message(
        "The presenter {name} waits for its lecture.",
        "Put a recording or a text with the name {stem} into the inbox, such as {stem}.wav.",
        "主讲人 {name} 正在等待讲课内容。",
        "请把名为 {stem} 的录音或文本放入收件文件夹，例如 {stem}.wav。",
    ),
    "waiting_presenter": _message(
        "The lecture {name} waits for its presenter.",
        "Put a video or photo named {stem} into the inbox, or one named default into presenters.",
        "讲课内容 {name} 正在等待主讲人。",
        "请把名为 {stem} 的视频或照片放入收件文件夹，或把名为 default 的放入 presenters。",
    ),
    "waiting_named": _message(
        "The lecture {name} waits for the presenter {presenter}, who is not in the library.",
        "Put a video or photo named {presenter} into presenters, or one named {stem} here.",
        "讲课内容 {name} 正在等待主讲人 {presenter}，该主讲人不在库中。",
        "请把名为 {presenter} 的视频或照片放入 presenters，或把名为 {stem} 的放入收件文件夹。",
    ),
    "file_kind": _message(
        "The file {name} is of a kind that Lectern does not know.",
        "Save it as MP4, JPEG, MP3 or plain text, then put it into the inbox again.",
        "Lectern 不认识文件 {name} 的类型。",
        "请另存为 MP4、JPEG、MP3 或纯文本，再放入收件文件夹。",
    ),
    "file_special": _message(
        "{name} is a link or no ordinary file.",
        "Copy the file itself into the inbox.",
        "{name} 是链接或不是普通文件。",
        "请把文件本身复制到收件文件夹。",
    ),
    "source_changed": _message(
        "The file {name} was changed while it was being worked on.",
        "It is begun again by itself: wait until the copy has finished.",
        "文件 {name} 在处理过程中被修改。",
        "系统会自动重新开始，请等待复制完成。",
    ),
    "output_is_input": _message(
        "The output {name} is the same file as the presenter or the lecture.",
        "Choose another name, so that your own file stays.",
        "输出 {name} 与主讲人或讲课文件是同一个文件。",
        "请换一个文件名，以免覆盖您自己的文件。",
    ),
}
