"""Files and disks."""

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
        "Copy it again: the first copy was probably interrupted.",
        "文件 {name} 是空的。",
        "请重新复制，上一次复制可能中断了。",
    ),
    "file_out_of_reach": message(
        "The box's services cannot see {name} in {folder}, as such a folder is each program's own.",
        "Put it into the inbox, or below the box's root, /srv/lectern, /media or /mnt.",
        "设备的服务看不到 {folder} 中的 {name}，因为这类文件夹由各程序独占。",
        "请将其放入收件箱，或放到设备根目录、/srv/lectern、/media 或 /mnt 之下。",
    ),
    "file_unreadable": message(
        "The file {name} may not be read ({reason}).",
        "Give the box read permission, or copy the file again.",
        "无法读取文件 {name}（{reason}）。",
        "请检查读取权限，或重新复制该文件。",
    ),
    "file_is_folder": message(
        "{name} is a folder, not a file.",
        "Choose the file inside it.",
        "{name} 是文件夹，不是文件。",
        "请选择其中的文件。",
    ),
    "file_special": message(
        "{name} is a link or no ordinary file.",
        "Copy the file itself into the inbox.",
        "{name} 是链接或不是普通文件。",
        "请把文件本身复制到收件文件夹。",
    ),
    "file_kind": message(
        "The file {name} is of a kind that Lectern does not know.",
        "Save it as MP4, JPEG, MP3 or plain text, then put it into the inbox again.",
        "Lectern 不认识文件 {name} 的类型。",
        "请另存为 MP4、JPEG、MP3 或纯文本，再放入收件文件夹。",
    ),
    "file_truncated": message(
        "The end of the file {name} is missing.",
        "Copy or export it again, and wait until that has finished.",
        "文件 {name} 不完整，缺少结尾部分。",
        "请重新复制或导出，并等待其完成。",
    ),
    "output_exists_folder": message(
        "The output {name} is a folder.",
        "Name a file that ends in .mp4.",
        "输出 {name} 是一个文件夹。",
        "请指定以 .mp4 结尾的文件名。",
    ),
    "output_unwritable": message(
        "The output {name} cannot be written ({reason}).",
        "Choose a folder that exists and that you may write to.",
        "无法写入输出 {name}（{reason}）。",
        "请选择存在且有写入权限的文件夹。",
    ),
    "output_is_input": message(
        "The output {name} is the same file as the presenter or the lecture.",
        "Choose another name, so that your own file stays.",
        "输出 {name} 与主讲人或讲课文件是同一个文件。",
        "请换一个文件名，以免覆盖您自己的文件。",
    ),
    "file_too_large": message(
        "The disk cannot hold a file as large as {name}.",
        "Format it as exFAT or ext4, since FAT32 ends at 4 GB, or choose another disk.",
        "磁盘的文件系统无法存放 {name} 这样大的文件。",
        "请将其格式化为 exFAT 或 ext4（FAT32 的上限为 4 GB），或换一个磁盘。",
    ),
    "disk_full": message(
        "The disk is full: {name} could not be written.",
        "Delete what is no longer needed, then start the work again.",
        "磁盘已满，无法写入 {name}。",
        "请删除不再需要的文件，然后重新开始任务。",
    ),
}
