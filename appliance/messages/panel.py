"""Errors of the panel: pages, user accounts and requests."""

from __future__ import annotations

from appliance.messages.message import Message, message

MESSAGES: dict[str, Message] = {
    "assets_download_failed": message(
        "The panel's browser libraries could not be downloaded ({reason}).",
        "Check the internet connection, then run the same command again.",
        "无法下载控制面板所需的浏览器组件（{reason}）。",
        "请检查网络连接，然后重新运行同一命令。",
    ),
    "panel_address_unavailable": message(
        "The panel cannot use the address {name} ({reason}).",
        "Stop the program that uses this address, or change panel.host and panel.port in the "
        "settings.",
        "控制面板无法使用地址 {name}（{reason}）。",
        "请停止占用该地址的程序，或更改设置中的 panel.host 和 panel.port。",
    ),
    "certificate_invalid": message(
        "The panel's certificate {name} cannot be used ({reason}).",
        "Set panel.certificate and panel.key to a certificate and its private key, or set "
        "panel.tls to local-ca.",
        "控制面板的证书 {name} 无法使用（{reason}）。",
        "请将 panel.certificate 和 panel.key 设为证书及其私钥，或将 panel.tls 设为 local-ca。",
    ),
    "https_required": message(
        "This change was sent over an unencrypted connection, which the panel does not accept.",
        "Use the address that begins with https.",
        "此更改通过未加密的连接发送，控制面板不予接受。",
        "请使用以 https 开头的地址。",
    ),
    "too_many_live_pages": message(
        "Too many live pages are open at the same time.",
        "Close some of them; this page then reconnects automatically.",
        "同时打开的实时页面过多。",
        "请关闭一些页面，本页面会自动重新连接。",
    ),
    "too_many_downloads": message(
        "Too many downloads are running at the same time.",
        "Wait until one of them has ended, then try again.",
        "同时进行的下载过多。",
        "请等其中一个下载结束后再试。",
    ),
    "internal_error": message(
        "The panel could not complete the request because of an internal error ({reason}).",
        "Try again; if the problem remains, download the log on the Device page and send it to "
        "support.",
        "控制面板发生内部错误，无法完成请求（{reason}）。",
        "请重试；如果问题仍然存在，请在“设备”页下载日志并发给技术支持。",
    ),
    "page_not_found": message(
        "There is nothing at this address.",
        "Go back to Home and choose from the menu.",
        "此地址没有内容。",
        "请回到首页，从菜单中选择。",
    ),
    "method_not_allowed": message(
        "This address does not support {name} requests.",
        "Use the buttons on the page, or look up the address in the API documentation.",
        "此地址不支持 {name} 请求。",
        "请使用页面上的按钮，或在 API 文档中查阅该地址。",
    ),
    "bad_request": message(
        "The request is invalid ({reason}).",
        "Reload the page and try again.",
        "请求无效（{reason}）。",
        "请重新加载页面，然后重试。",
    ),
    "body_too_large": message(
        "The data sent is larger than the {limit} kB that this page accepts.",
        "Send less data at once, and upload videos and recordings on the New video page.",
        "发送的数据超过了此页面允许的 {limit} kB。",
        "请减少一次发送的数据；视频和录音请在“新建视频”页上传。",
    ),
    "host_not_trusted": message(
        "The panel does not accept the host name {name}.",
        "Use the device's IP address, or add the name to panel.trusted_hosts in config.yaml.",
        "控制面板不接受主机名 {name}。",
        "请使用设备的 IP 地址，或将该名称加入 config.yaml 的 panel.trusted_hosts。",
    ),
    "form_expired": message(
        "This page was out of date, so nothing was changed.",
        "Reload the page and try again.",
        "页面已过期，没有做任何更改。",
        "请重新加载页面，然后重试。",
    ),
    "login_required": message(
        "You are not signed in, or your session has expired.",
        "Sign in to continue.",
        "您尚未登录，或登录已过期。",
        "请登录后继续。",
    ),
    "invalid_credentials": message(
        "The name or the password is wrong.",
        "Try again, or ask an administrator to set a new password.",
        "用户名或密码错误。",
        "请重试，或请管理员重设密码。",
    ),
    "too_many_attempts": message(
        "There were too many failed attempts.",
        "Wait {seconds} seconds, then try again.",
        "失败次数过多。",
        "请等待 {seconds} 秒后重试。",
    ),
    "permission_denied": message(
        "Your account does not have permission to do this.",
        "Ask an administrator to do it, or to change your role.",
        "您的账户没有权限执行此操作。",
        "请联系管理员代为操作，或更改您的角色。",
    ),
    "setup_required": message(
        "The panel has not been set up yet.",
        "Open it in a browser and set the administrator's password.",
        "控制面板尚未完成初始设置。",
        "请用浏览器打开控制面板并设置管理员密码。",
    ),
    "setup_code_wrong": message(
        "The setup code is wrong.",
        "Look up the code in the device's log, among the panel's latest messages.",
        "设置码错误。",
        "请在设备日志中重新查看设置码，它位于控制面板最近的几行中。",
    ),
    "user_exists": message(
        "There is already an account named {name}.",
        "Choose another name.",
        "已有名为 {name} 的账户。",
        "请换一个用户名。",
    ),
    "user_unknown": message(
        "There is no account named {name}.",
        "Reload the page; the account may have been deleted.",
        "没有名为 {name} 的账户。",
        "请重新加载页面；该账户可能已被删除。",
    ),
    "user_name_invalid": message(
        "The name {name} cannot be used for an account.",
        "Use 1 to 40 letters, digits, dots, hyphens or underscores.",
        "{name} 不能用作用户名。",
        "请使用 1 到 40 个字母、汉字、数字、点、连字符或下划线。",
    ),
    "password_too_short": message(
        "The password is too short.",
        "Use at least {length} characters; three or four words are easy to remember.",
        "密码太短。",
        "请至少使用 {length} 个字符；三四个词连在一起很容易记住。",
    ),
    "password_mismatch": message(
        "The two passwords do not match.",
        "Enter the new password in both fields again.",
        "两次输入的密码不一致。",
        "请在两个输入框中重新输入新密码。",
    ),
    "last_admin": message(
        "{name} is the only administrator.",
        "Make another user an administrator first.",
        "{name} 是唯一的管理员。",
        "请先将其他用户设为管理员。",
    ),
    "safe_mode": message(
        "The panel is in safe mode, because the configuration file contains errors.",
        "Correct the errors shown on Home, then restart the device's services.",
        "由于配置文件有错误，控制面板处于安全模式。",
        "请改正首页列出的错误，然后重新启动设备的服务。",
    ),
}
