"""Set-up, sign-in, accounts."""

from __future__ import annotations

TEXTS = {
    "A program with such a key may do what you may, but cannot change your password or keys. The key is shown once.": (
        "持有密钥的程序拥有与您相同的权限，但不能更改您的密码和密钥。密钥只显示一次。"
    ),
    "Accounts": "账户",
    "Administrator": "管理员",
    "At least {length} characters. Three or four words are easy to remember.": (
        "至少 {length} 个字符。几个词连在一起很容易记住。"
    ),
    "Change the password": "修改密码",
    "Copy the new key now:": "请立即复制新密钥：",
    "Delete the account": "删除账户",
    "Delete the account {name}? Its videos stay.": "要删除账户 {name} 吗？该账户的视频会保留。",
    "First password": "初始密码",
    "It stands in the box's log, and on its screen if it has one:": (
        "设置码在设备日志中；如果设备接有屏幕，也会显示在屏幕上："
    ),
    "Keys for programs": "程序密钥",
    "Make a key": "生成密钥",
    "Make the account": "创建账户",
    "Name": "用户名",
    "New account": "新建账户",
    "New password": "新密码",
    "Old password": "旧密码",
    "One step to go: choose who administers this box.": "还差一步：请设置这台设备的管理员。",
    "Password": "密码",
    "Password, once more": "再次输入密码",
    "Revoke": "撤销",
    "Role": "角色",
    "Save": "保存",
    "Set up": "完成设置",
    "Set-up code": "设置码",
    "Sign in": "登录",
    "Sign out": "退出",
    "Teacher": "教师",
    "Teachers make videos and see their own; viewers see everything and change nothing; administrators may do all.": (
        "教师可以制作视频，只能看到并管理自己的视频；查看者可以浏览全部内容，但不能更改；管理员可以进行所有操作。"
    ),
    "The new password counts from now on; other browsers are signed out.": (
        "新密码已生效，其他浏览器上的登录已退出。"
    ),
    "Viewer": "查看者",
    "Welcome to Lectern": "欢迎使用 Lectern",
    "What it is for": "用途",
    "Your account": "我的账户",
    "Your account: {name}": "我的账户：{name}",
}
