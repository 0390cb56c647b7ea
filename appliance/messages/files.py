"""Errors of files and disks."""

from __future__ import annotations

from appliance.messages.message import Message, message

MESSAGES: dict[str, Message] = {
    "file_missing": message(
        "The file {name} does not exist.",
        "Check the spelling and the folder, then try again.",
        "找不到文件 {name}。",
        "请检查文件名和所在文件夹，然后重试。",
    ),
    "file_empty": message(
        "The file {name} is empty.",
        "Copy the file again; the previous copy was probably interrupted.",
        "文件 {name} 是空的。",
        "请重新复制该文件；上一次复制可能中断了。",
    ),
    "source_removed": message(
        "The file {name} was taken away before work on it began.",
        "Put it back into the inbox and keep it there until the video is finished.",
        "文件 {name} 在处理开始之前被移走了。",
        "请把它放回收件文件夹，并在视频完成之前保留。",
    ),
    "file_inaccessible": message(
        "Lectern's services cannot read {name} in {folder}: temporary folders are private to each "
        "program.",
        "Move it to the inbox, or to a folder below Lectern's root folder, /srv/lectern, /media "
        "or /mnt.",
        "Lectern 的服务无法读取 {folder} 中的 {name}，因为临时文件夹由各程序独占。",
        "请将其移到收件文件夹，或移到 Lectern 根目录、/srv/lectern、/media 或 /mnt 之下。",
    ),
    "file_unreadable": message(
        "The file {name} cannot be read ({reason}).",
        "Give Lectern permission to read the file, or copy it again.",
        "无法读取文件 {name}（{reason}）。",
        "请授予 Lectern 读取权限，或重新复制该文件。",
    ),
    "file_is_folder": message(
        "{name} is a folder, not a file.",
        "Choose a file inside the folder.",
        "{name} 是文件夹，不是文件。",
        "请选择文件夹中的文件。",
    ),
    "file_not_regular": message(
        "{name} is a link or a special file, not a regular file.",
        "Copy the original file into the inbox.",
        "{name} 是链接或特殊文件，不是普通文件。",
        "请把原文件复制到收件文件夹。",
    ),
    "file_type_unsupported": message(
        "The file type of {name} is not supported.",
        "Save it as MP4, JPEG, MP3 or plain text, then add it again.",
        "不支持 {name} 的文件类型。",
        "请另存为 MP4、JPEG、MP3 或纯文本，然后重新添加。",
    ),
    "file_truncated": message(
        "The file {name} is incomplete: its end is missing.",
        "Copy or export it again, and wait until this has finished.",
        "文件 {name} 不完整，缺少结尾部分。",
        "请重新复制或导出，并等待其完成。",
    ),
    "output_is_folder": message(
        "The output path {name} is a folder.",
        "Specify a file name that ends in .mp4.",
        "输出路径 {name} 是一个文件夹。",
        "请指定以 .mp4 结尾的文件名。",
    ),
    "output_unwritable": message(
        "Lectern cannot write to {name} ({reason}).",
        "Choose an existing folder for which you have write permission.",
        "无法写入 {name}（{reason}）。",
        "请选择已存在且有写入权限的文件夹。",
    ),
    "output_is_input": message(
        "The output {name} is the same file as the presenter or the lecture.",
        "Choose another file name, so that your original file is kept.",
        "输出 {name} 与主讲人或讲课内容是同一个文件。",
        "请换一个文件名，以免覆盖原文件。",
    ),
    "file_too_large": message(
        "The file {name} is too large for the file system of the disk.",
        "Use another disk, or format this one as exFAT or ext4, because FAT32 allows only 4 GB "
        "per file.",
        "文件 {name} 太大，超出磁盘文件系统的限制。",
        "请换一个磁盘，或将其格式化为 exFAT 或 ext4，因为 FAT32 的单个文件上限为 4 GB。",
    ),
    "disk_full": message(
        "The disk is full, so {name} could not be written.",
        "Delete files that are no longer needed, then try again.",
        "磁盘已满，无法写入 {name}。",
        "请删除不再需要的文件，然后重试。",
    ),
}
