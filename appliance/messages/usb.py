"""USB sticks and the helper that reads them."""

from __future__ import annotations

from appliance.messages.message import Message, message

MESSAGES: dict[str, Message] = {
    "usb_missing": message(
        "The stick {device} is not plugged in any more.",
        "Plug it in, wait a few seconds and look again.",
        "U 盘 {device} 已不在设备上。",
        "请重新插入，等几秒后再查看。",
    ),
    "usb_unreadable": message(
        "The stick {device} cannot be read ({reason}).",
        "Format it as FAT32, exFAT or NTFS on a computer, or take another stick.",
        "无法读取 U 盘 {device}（{reason}）。",
        "请在电脑上把它格式化为 FAT32、exFAT 或 NTFS，或换一个 U 盘。",
    ),
    "usb_read_only": message(
        "Nothing can be written to the stick {device} ({reason}).",
        "Move its write-protection switch, or take another stick.",
        "无法写入 U 盘 {device}（{reason}）。",
        "请拨开写保护开关，或换一个 U 盘。",
    ),
    "usb_full": message(
        "The stick is full: {copied} files found room on it, and more are waiting.",
        "Delete what is no longer needed on it and ask again, or take a larger stick.",
        "U 盘已满：已复制 {copied} 个文件，其余未能复制。",
        "请删除 U 盘上不需要的文件后重试，或换一个更大的 U 盘。",
    ),
    "usb_cut_off": message(
        "{name} was not copied to its end, as the stick was pulled out or is damaged.",
        "Plug the stick in again and leave it until the box says that it is safe to remove.",
        "{name} 未复制完成：U 盘被拔出，或已损坏。",
        "请重新插入 U 盘，等设备提示可以安全移除后再拔出。",
    ),
    "usb_busy": message(
        "The stick {device} is in use.",
        "Wait until the copying has ended, or close the window that shows it, then ask again.",
        "U 盘 {device} 正在使用中。",
        "请等复制结束，或关闭正在显示它的窗口，然后重试。",
    ),
    "helper_unknown": message(
        "The helper does not know the request '{name}'.",
        "Bring all of Lectern to the same version with sudo ./setup.sh install.",
        "助手程序不认识请求“{name}”。",
        "请用 sudo ./setup.sh install 把 Lectern 的各部分更新到同一版本。",
    ),
}
