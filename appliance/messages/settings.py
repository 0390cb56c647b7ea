"""Mistakes in the config file."""

from __future__ import annotations

from appliance.messages.message import Message, message

MESSAGES: dict[str, Message] = {
    "config_private": message(
        "The box's settings {name} are for administrators to read.",
        "Put sudo before the command, or name a config file of your own with --config.",
        "设备设置 {name} 仅管理员可读。",
        "请在命令前加 sudo，或用 --config 指定您自己的配置文件。",
    ),
    "root_confined": message(
        "Root may not become the services' user {user} here ({reason}), and as root the command "
        "would leave files that the services cannot change.",
        "Run it outside the container or the restricted shell, or name a config file of your own "
        "with --config.",
        "此处 root 无法切换为服务用户 {user}（{reason}），而以 root 运行会留下服务无法修改的文件。",
        "请在容器或受限的命令行之外运行，或用 --config 指定您自己的配置文件。",
    ),
    "config_no_settings": message(
        "The config file {name} holds no settings.",
        'Write one setting a line, such as "root: ./box".',
        "配置文件 {name} 中没有任何设置项。",
        "请每行写一个设置，例如“root: ./box”。",
    ),
    "config_syntax": message(
        "Line {line} of {name} cannot be read as YAML ({reason}).",
        "Compare the line, its colons and its spaces at the start with the example config.yaml.",
        "{name} 第 {line} 行不是有效的 YAML（{reason}）。",
        "请对照示例 config.yaml 检查该行的冒号和行首空格。",
    ),
    "config_unknown": message(
        "Line {line} of {name} has the unknown key {key}.",
        "Remove the line; the example config.yaml lists every key.",
        "{name} 第 {line} 行的设置项 {key} 不存在。",
        "请删除该行，示例 config.yaml 列出了全部设置项。",
    ),
    "config_misspelt": message(
        "Line {line} of {name} has the unknown key {key}.",
        "Write {suggestion} instead, or remove the line.",
        "{name} 第 {line} 行的设置项 {key} 不存在。",
        "请改为 {suggestion}，或删除该行。",
    ),
    "config_twice": message(
        "Line {line} of {name} sets {key} again, which line {first} has already set.",
        "Keep one of the two lines.",
        "{name} 第 {line} 行重复设置了 {key}，第 {first} 行已经设置过。",
        "请只保留其中一行。",
    ),
    "config_not_section": message(
        "Line {line} of {name} gives {key} the value {value}, but {key} is a section.",
        "Put its settings on lines of their own below it, indented by two spaces.",
        "{name} 第 {line} 行给 {key} 写了值 {value}，但 {key} 是一个分组。",
        "请把该组的设置逐行写在下面，并缩进两个空格。",
    ),
    "config_not_switch": message(
        "Line {line} of {name} sets {key} to {value}, which is neither true nor false.",
        "Write true or false, without quotation marks.",
        "{name} 第 {line} 行的 {key} 写成了 {value}，它只能是 true 或 false。",
        "请写 true 或 false，不要加引号。",
    ),
    "config_not_whole": message(
        "Line {line} of {name} sets {key} to {value}, which is not a whole number.",
        "Write a whole number, without quotation marks or a unit.",
        "{name} 第 {line} 行的 {key} 写成了 {value}，它必须是整数。",
        "请写一个整数，不要加引号或单位。",
    ),
    "config_not_number": message(
        "Line {line} of {name} sets {key} to {value}, which is not a number.",
        "Write a number, without quotation marks or a unit.",
        "{name} 第 {line} 行的 {key} 写成了 {value}，它必须是数字。",
        "请写一个数字，不要加引号或单位。",
    ),
    "config_not_text": message(
        "Line {line} of {name} sets {key} to {value}, which is not text.",
        "Write the text in quotation marks.",
        "{name} 第 {line} 行的 {key} 写成了 {value}，它必须是文字。",
        "请用引号把文字括起来。",
    ),
    "config_not_list": message(
        "Line {line} of {name} sets {key} to {value}, which is not a list.",
        "Write the values in square brackets, with commas between them.",
        "{name} 第 {line} 行的 {key} 写成了 {value}，它必须是列表。",
        "请把各个值写在方括号里，用逗号隔开。",
    ),
    "config_not_offered": message(
        "Line {line} of {name} sets {key} to {value}, which is not on offer.",
        "Write one of {limit}.",
        "{name} 第 {line} 行的 {key} 写成了 {value}，没有这个选项。",
        "请从这些选项中选择：{limit}。",
    ),
    "config_too_low": message(
        "Line {line} of {name} sets {key} to {value}, which is too low.",
        "Write {limit} or more.",
        "{name} 第 {line} 行的 {key} 写成了 {value}，数值太小。",
        "请写不小于 {limit} 的数。",
    ),
    "config_too_high": message(
        "Line {line} of {name} sets {key} to {value}, which is too high.",
        "Write {limit} or less.",
        "{name} 第 {line} 行的 {key} 写成了 {value}，数值太大。",
        "请写不大于 {limit} 的数。",
    ),
    "config_refused": message(
        "Line {line} of {name} sets {key} to {value}, which cannot be used ({limit}).",
        "Compare it with the example config.yaml, or remove the line to get the default.",
        "{name} 第 {line} 行的 {key} 写成了 {value}，无法使用（{limit}）。",
        "请对照示例 config.yaml 修改，或删除该行以使用默认值。",
    ),
}
