"""Errors in the configuration file."""

from __future__ import annotations

from appliance.messages.message import Message, message

MESSAGES: dict[str, Message] = {
    "config_access_denied": message(
        "Only administrators can read the device's configuration file {name}.",
        "Run the command with sudo, or specify your own configuration file with --config.",
        "设备的配置文件 {name} 仅管理员可读。",
        "请用 sudo 运行该命令，或用 --config 指定您自己的配置文件。",
    ),
    "privilege_drop_failed": message(
        "Root cannot switch to the service user {user} here ({reason}), and a command run as root "
        "would leave files that the services cannot change.",
        "Run the command outside the container or restricted shell, or specify your own "
        "configuration file with --config.",
        "此处 root 无法切换为服务用户 {user}（{reason}），而以 root "
        "身份运行会留下服务无法更改的文件。",
        "请在容器或受限命令行之外运行该命令，或用 --config 指定您自己的配置文件。",
    ),
    "config_not_mapping": message(
        "The configuration file {name} contains no settings.",
        'Write one setting per line, for example "root: ./box".',
        "配置文件 {name} 中没有任何设置项。",
        "请每行写一个设置项，例如“root: ./box”。",
    ),
    "config_syntax": message(
        "Line {line} of {name} is not valid YAML ({reason}).",
        "Compare the colons and the indentation of the line with the example config.yaml.",
        "{name} 第 {line} 行不是有效的 YAML（{reason}）。",
        "请对照示例 config.yaml 检查该行的冒号和缩进。",
    ),
    "config_key_unknown": message(
        "Line {line} of {name} contains the unknown key {key}.",
        "Remove the line; the example config.yaml lists all keys.",
        "{name} 第 {line} 行的设置项 {key} 不存在。",
        "请删除该行；示例 config.yaml 列出了全部设置项。",
    ),
    "config_key_misspelled": message(
        "Line {line} of {name} contains the unknown key {key}.",
        "Write {suggestion} instead, or remove the line.",
        "{name} 第 {line} 行的设置项 {key} 不存在。",
        "请改为 {suggestion}，或删除该行。",
    ),
    "config_duplicate_key": message(
        "Line {line} of {name} sets {key} again, although line {first} already sets it.",
        "Keep only one of the two lines.",
        "{name} 第 {line} 行重复设置了 {key}，第 {first} 行已经设置过。",
        "请只保留其中一行。",
    ),
    "config_not_section": message(
        "Line {line} of {name} sets {key} to {value}, but {key} is a section.",
        "Write the settings of the section on separate lines below it, indented by two spaces.",
        "{name} 第 {line} 行将 {key} 设为 {value}，但 {key} 是一个分组。",
        "请把该分组的设置项逐行写在下面，并缩进两个空格。",
    ),
    "config_not_boolean": message(
        "Line {line} of {name} sets {key} to {value}, which is neither true nor false.",
        "Write true or false, without quotation marks.",
        "{name} 第 {line} 行将 {key} 设为 {value}，但它只能是 true 或 false。",
        "请写 true 或 false，不要加引号。",
    ),
    "config_not_integer": message(
        "Line {line} of {name} sets {key} to {value}, which is not a whole number.",
        "Write a whole number, without quotation marks or a unit.",
        "{name} 第 {line} 行将 {key} 设为 {value}，但它必须是整数。",
        "请写一个整数，不要加引号或单位。",
    ),
    "config_not_number": message(
        "Line {line} of {name} sets {key} to {value}, which is not a number.",
        "Write a number, without quotation marks or a unit.",
        "{name} 第 {line} 行将 {key} 设为 {value}，但它必须是数字。",
        "请写一个数字，不要加引号或单位。",
    ),
    "config_not_text": message(
        "Line {line} of {name} sets {key} to {value}, which is not text.",
        "Write the text in quotation marks.",
        "{name} 第 {line} 行将 {key} 设为 {value}，但它必须是文本。",
        "请用引号把文本括起来。",
    ),
    "config_not_list": message(
        "Line {line} of {name} sets {key} to {value}, which is not a list.",
        "Write the values in square brackets, separated by commas.",
        "{name} 第 {line} 行将 {key} 设为 {value}，但它必须是列表。",
        "请把各个值写在方括号里，用逗号隔开。",
    ),
    "config_not_a_choice": message(
        "Line {line} of {name} sets {key} to {value}, which is not one of the possible values.",
        "Use one of these values: {limit}.",
        "{name} 第 {line} 行将 {key} 设为 {value}，但没有这个选项。",
        "请使用以下值之一：{limit}。",
    ),
    "config_too_low": message(
        "Line {line} of {name} sets {key} to {value}, which is too low.",
        "Use {limit} or more.",
        "{name} 第 {line} 行将 {key} 设为 {value}，数值太小。",
        "请使用不小于 {limit} 的数值。",
    ),
    "config_too_high": message(
        "Line {line} of {name} sets {key} to {value}, which is too high.",
        "Use {limit} or less.",
        "{name} 第 {line} 行将 {key} 设为 {value}，数值太大。",
        "请使用不大于 {limit} 的数值。",
    ),
    "config_invalid": message(
        "Line {line} of {name} sets {key} to {value}, which is not a valid value ({limit}).",
        "Compare it with the example config.yaml, or remove the line to use the default.",
        "{name} 第 {line} 行将 {key} 设为 {value}，该值无效（{limit}）。",
        "请对照示例 config.yaml 修改，或删除该行以使用默认值。",
    ),
}
