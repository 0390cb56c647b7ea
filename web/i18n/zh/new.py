"""New video, and the library of presenters."""

from __future__ import annotations

TEXTS = {
    "A look before the start": "开始前检查",
    "Add a recording or a text file": "添加录音或文本文件",
    "Add a video or photo of a person": "添加人物视频或照片",
    "Arrived": "已上传",
    "As soon as a presenter and a lecture are chosen, the box looks at them here.": (
        "选好主讲人和讲课内容后，设备会在这里进行检查。"
    ),
    "Choose who speaks and what is said": "请选择主讲人和讲课内容",
    "Delete {name} from the library, for good?": "要从主讲人库中永久删除 {name} 吗？",
    "Drop it here or choose it. The face should be well lit and look into the camera.": (
        "拖放到这里或点击选择。面部应光线充足并正对镜头。"
    ),
    "Everybody here can speak any lecture. Add somebody under New video with “Keep in the library”,"
    " or copy a video or photo into the folder “presenters” of the box's share. Only use faces of"
    " people who have agreed.": (
        "这里的每个人都可以讲任何课程。在“新建视频”中点击“保存到主讲人库”即可添加，也可以把视频或照片"
        "复制到设备共享的“presenters”文件夹。请只使用本人同意的人脸。"
    ),
    "Face seen in {percent} % of the picture": "{percent} % 的画面中有人脸",
    "How far the mouth opens": "张嘴幅度",
    "If there are several people": "画面中有多人时",
    "Keep in the library": "保存到主讲人库",
    "Kept in the library": "已保存到主讲人库",
    "Lecture {time}": "讲课 {time}",
    "Looking at it …": "正在检查……",
    "Looks straight ahead": "正对镜头",
    "Loud enough ({db} dB)": "音量合适（{db} dB）",
    "MP3, WAV, M4A, plain text, Word. Several at once make several videos.": (
        "MP3、WAV、M4A、纯文本、Word。一次选择多个会生成多个视频。"
    ),
    "More settings": "更多设置",
    "No connection. It goes on by itself as soon as there is one.": "连接中断，恢复后会自动继续。",
    "No face found": "未发现人脸",
    "Photo": "照片",
    "Preview": "预览",
    "File of about {size} MB": "文件约 {size} MB",
    "How long it takes is known after the first video": "完成第一个视频后才能预估所需时间",
    "Ready in {time}": "{time}后完成",
    "Ready to start": "可以开始",
    "Remove": "移除",
    "Speed of the voice that reads texts": "朗读语速",
    "Start the video": "开始制作视频",
    "Start {count} videos": "开始制作 {count} 个视频",
    "Started. You can close this page.": "已开始，可以关闭此页面。",
    "Text": "文本",
    "That did not work. Try again in a moment.": "操作未成功，请稍后重试。",
    "The box does not answer at the moment. You can start all the same.": (
        "设备暂时没有响应，仍然可以开始。"
    ),
    "The box reads it aloud with its own voice.": "设备会用自带的声音朗读。",
    "The library is empty.": "主讲人库是空的。",
    "This page needs JavaScript.": "此页面需要启用 JavaScript。",
    "Three seconds are being made …": "正在制作三秒预览……",
    "Title": "标题",
    "Try three seconds from": "试看三秒，起点",
    "Turned by {degrees}°": "侧转 {degrees}°",
    "Type a text instead": "直接输入文本",
    "Uploading …": "正在上传……",
    "Use this text": "使用此文本",
    "Very quiet ({db} dB)": "音量很小（{db} dB）",
    "Video": "视频",
    "Waiting for its turn": "等待上传",
    "What is said?": "讲什么？",
    "Who speaks?": "谁来讲？",
    "Worth a second look": "请再看一看",
    "brisk": "较快",
    "less": "较小",
    "more": "较大",
    "normal": "正常",
    "slow": "较慢",
    "the largest face speaks": "最大的人脸讲话",
    "the second largest speaks": "第二大的人脸讲话",
    "the third largest speaks": "第三大的人脸讲话",
    "under a minute": "不到一分钟",
    "{count} min left": "剩余 {count} 分钟",
    "{count} s left": "剩余 {count} 秒",
    "{name} is larger than {limit} GB.": "{name} 超过 {limit} GB。",
    "{name}: files of this kind cannot be used here.": "{name}：这里不能使用这种文件。",
    "{percent} % have arrived. Choose the same file again to go on.": (
        "已上传 {percent} %，请再次选择同一文件以继续。"
    ),
    "{percent} % · {left}": "{percent} % · {left}",
    "{width} × {height}, {fps} frames a second": "{width} × {height}，每秒 {fps} 帧",
}
