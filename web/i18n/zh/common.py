"""What every page has."""

from __future__ import annotations

TEXTS = {
    "Box": "设备",
    "Code:": "代码：",
    "Home": "首页",
    "Main menu": "主菜单",
    "New video": "新建视频",
    "Not possible": "无法完成",
    "People": "人员",
    "Presenters": "主讲人",
    "Results": "成品",
    "Safe mode: the config file has mistakes, so videos are not shown or started here.": (
        "安全模式：配置文件有错误，因此这里不显示也不制作视频。"
    ),
    "Skip to the content": "跳到正文",
}
