"""Texts that every page or several pages use."""

from __future__ import annotations

TEXTS = {
    "Check recommended": "建议检查",
    "Delete": "删除",
    "Device": "设备",
    "Error": "错误",
    "Error code:": "错误代码：",
    "Home": "首页",
    "Inference provider": "计算后端",
    "less than a minute": "不到一分钟",
    "Main menu": "主菜单",
    "Model": "模型",
    "New video": "新建视频",
    "Presenters": "主讲人",
    "Results": "成品",
    "Safe mode: The configuration file contains errors. Until they are fixed, videos cannot be viewed or created here.": "安全模式：配置文件有错误，修正之前无法在此查看或制作视频。",
    "Skip to content": "跳到正文",
    "Users": "用户",
}
