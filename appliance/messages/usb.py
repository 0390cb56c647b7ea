"""Errors of USB drives and of the system helper that reads them."""

from __future__ import annotations

from appliance.messages.message import Message, message

MESSAGES: dict[str, Message] = {
    "usb_not_found": message(
        "The USB drive {device} is no longer plugged in.",
        "Plug it in, wait a few seconds and try again.",
        "U 盘 {device} 已被拔出。",
        "请重新插入，等几秒后重试。",
    ),
    "usb_unreadable": message(
        "The USB drive {device} cannot be read ({reason}).",
        "Use another USB drive, or format this one on a computer as FAT32, exFAT or NTFS.",
        "无法读取 U 盘 {device}（{reason}）。",
        "请换一个 U 盘，或在电脑上把它格式化为 FAT32、exFAT 或 NTFS。",
    ),
    "usb_read_only": message(
        "Lectern cannot write to the USB drive {device} ({reason}).",
        "Switch off its write protection, or use another USB drive.",
        "无法写入 U 盘 {device}（{reason}）。",
        "请关闭写保护，或换一个 U 盘。",
    ),
    "usb_full": message(
        "The USB drive is full, so not all files were copied (copied: {copied}).",
        "Delete files that are no longer needed from it and try again, or use a larger USB drive.",
        "U 盘已满，只复制了 {copied} 个文件。",
        "请删除 U 盘上不再需要的文件后重试，或换一个更大的 U 盘。",
    ),
    "usb_copy_incomplete": message(
        "{name} was not copied completely, because the USB drive was removed or is damaged.",
        "Plug the USB drive in again, and leave it in until the device reports that it is safe to "
        "remove.",
        "{name} 未能完整复制，因为 U 盘被拔出或已损坏。",
        "请重新插入 U 盘，等设备提示可以安全拔出后再拔出。",
    ),
    "usb_busy": message(
        "The USB drive {device} is in use.",
        "Wait until copying has finished, or close the window that shows the drive, then try "
        "again.",
        "U 盘 {device} 正在使用中。",
        "请等待复制完成，或关闭显示该 U 盘的窗口，然后重试。",
    ),
    "helper_request_unknown": message(
        "The system helper does not support the request '{name}'.",
        "Run sudo ./setup.sh install to bring all parts of Lectern to the same version.",
        "系统辅助程序不支持请求“{name}”。",
        "请运行 sudo ./setup.sh install，使 Lectern 的各部分版本一致。",
    ),
}
