"""The panel: pages, people, and what a browser may ask."""

from __future__ import annotations

from appliance.messages.message import Message, message

MESSAGES: dict[str, Message] = {
    "assets_fetch": message(
        "The panel's browser libraries could not be fetched ({reason}).",
        "Look at the internet connection, then run the same command again.",
        "无法获取控制面板所需的浏览器组件（{reason}）。",
        "请检查网络连接，然后重新运行同一命令。",
    ),
    "panel_port": message(
        "The panel cannot listen on {name} ({reason}).",
        "Stop what else listens there, or set panel.host and panel.port to free ones.",
        "控制面板无法在 {name} 上监听（{reason}）。",
        "请停止占用该端口的程序，或把 panel.host 和 panel.port 改为可用的值。",
    ),
    "certificate_bad": message(
        "The panel's certificate {name} cannot be used ({reason}).",
        "Name the two files in panel.certificate and panel.key, or set panel.tls to own.",
        "控制面板的证书 {name} 无法使用（{reason}）。",
        "请在 panel.certificate 和 panel.key 中填写证书及其密钥，或把 panel.tls 设为 own。",
    ),
    "tls_needed": message(
        "This change came over an unencrypted connection, which the panel does not take.",
        "Use the address that begins with https.",
        "此更改来自未加密的连接，控制面板不予接受。",
        "请使用以 https 开头的地址。",
    ),
    "panel_busy": message(
        "More live pages are open than the panel can serve at once.",
        "Close some of them; this one asks again by itself.",
        "同时打开的实时页面过多。",
        "请关闭一些页面，本页面会自动重试。",
    ),
    "panel_failed": message(
        "The panel could not do this because of a fault of its own ({reason}).",
        "Try again; if it stays, download the log on the page Box and send it to your support.",
        "控制面板自身出错，无法完成操作（{reason}）。",
        "请重试；如果仍然出错，请在“设备”页下载日志并发给技术支持。",
    ),
    "page_missing": message(
        "There is nothing at this address.",
        "Go back to Home and choose from the menu.",
        "此地址没有内容。",
        "请回到首页，从菜单中选择。",
    ),
    "method_wrong": message(
        "This address does not take the request {name}.",
        "Use the buttons of the page, or look the address up in the API's description.",
        "此地址不接受 {name} 请求。",
        "请使用页面上的按钮，或查阅接口说明。",
    ),
    "request_bad": message(
        "The request cannot be understood ({reason}).",
        "Load the page again and repeat the step.",
        "无法理解该请求（{reason}）。",
        "请重新加载页面后再试。",
    ),
    "body_too_large": message(
        "What was sent is larger than the {limit} kB that this page takes.",
        "Send less at once; videos and recordings go through the page New video.",
        "发送的内容超过了此页面允许的 {limit} kB。",
        "请减少一次发送的内容；视频和录音请在“新建视频”页上传。",
    ),
    "host_unknown": message(
        "The panel does not answer to the name {name}.",
        "Open it by the box's IP address, or add the name to panel.trusted_hosts in config.yaml.",
        "控制面板不接受名称 {name}。",
        "请用设备的 IP 地址打开，或在 config.yaml 的 panel.trusted_hosts 中加入该名称。",
    ),
    "form_stale": message(
        "This page was out of date, so nothing was changed.",
        "Load the page again and repeat the step.",
        "页面已过期，没有做任何更改。",
        "请重新加载页面后再试。",
    ),
    "login_needed": message(
        "You are not signed in, or were not active for a while.",
        "Sign in and go on.",
        "您尚未登录，或因长时间未操作已退出。",
        "请登录后继续。",
    ),
    "login_wrong": message(
        "The name or the password is wrong.",
        "Try again, or ask an administrator to set a new password.",
        "用户名或密码错误。",
        "请重试，或请管理员重设密码。",
    ),
    "too_many_tries": message(
        "There were too many failed attempts.",
        "Wait {seconds} seconds, then try again.",
        "失败的尝试次数过多。",
        "请等待 {seconds} 秒后再试。",
    ),
    "not_allowed": message(
        "Your account may not do this.",
        "Ask an administrator to do it, or to change your role.",
        "您的账户无权进行此操作。",
        "请联系管理员代为操作，或更改您的角色。",
    ),
    "setup_needed": message(
        "The panel has not been set up yet.",
        "Open it in a browser and choose the administrator's password.",
        "控制面板尚未完成初始设置。",
        "请用浏览器打开并设置管理员密码。",
    ),
    "setup_code_wrong": message(
        "The set-up code is wrong.",
        "Read it again in the box's log: it stands in the panel's latest lines.",
        "设置码错误。",
        "请在设备日志中重新查看，它位于控制面板最近的几行中。",
    ),
    "person_exists": message(
        "There is already an account named {name}.",
        "Choose another name.",
        "已有名为 {name} 的账户。",
        "请换一个名称。",
    ),
    "person_unknown": message(
        "There is no account named {name}.",
        "Load the page again: somebody may have deleted it.",
        "没有名为 {name} 的账户。",
        "请重新加载页面，该账户可能已被删除。",
    ),
    "person_name": message(
        "The name {name} cannot be used for an account.",
        "Use 1 to 40 letters, digits, dots, hyphens or underscores.",
        "名称 {name} 不能用作账户名。",
        "请使用 1 到 40 个字母、汉字、数字、点、连字符或下划线。",
    ),
    "password_short": message(
        "The password is too short.",
        "Use at least {length} characters; three or four words are easy to remember.",
        "密码太短。",
        "请至少使用 {length} 个字符，几个词连在一起很容易记住。",
    ),
    "password_differs": message(
        "The two passwords are not the same.",
        "Type the new password twice.",
        "两次输入的密码不一致。",
        "请重新输入两次新密码。",
    ),
    "last_admin": message(
        "{name} is the only administrator.",
        "Make somebody else an administrator first.",
        "{name} 是唯一的管理员。",
        "请先把其他人设为管理员。",
    ),
    "safe_mode": message(
        "The panel is in safe mode, because the config file has mistakes.",
        "Correct the mistakes shown on Home, then start the box's services again.",
        "由于配置文件有错误，控制面板处于安全模式。",
        "请改正首页列出的错误，然后重新启动设备的服务。",
    ),
}
