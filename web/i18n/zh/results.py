"""Results."""

from __future__ import annotations

TEXTS = {
    "About this video": "关于此视频",
    "An edge may show around the mouth.": "嘴部周围可能有接缝。",
    "Before and after": "前后对比",
    "Check it": "请检查",
    "Clear the selection": "取消选择",
    "Computed on": "计算设备",
    "Delete": "删除",
    "Delete this video and what it was made from, for good?": "要永久删除此视频及其素材吗？",
    "Delete what is ticked, for good?": "要永久删除所选项目吗？",
    "Download as zip": "打包下载（zip）",
    "Download the video": "下载视频",
    "Finished": "已完成",
    "Ended at": "结束时间",
    "Finished at": "完成时间",
    "Good": "良好",
    "Is it good?": "效果如何？",
    "Lecture": "讲课",
    "Length": "时长",
    "Made by": "制作人",
    "Model": "模型",
    "Mouth moved in": "有口型的画面",
    "New": "新",
    "Newer": "较新",
    "No face was seen from here on, so the picture was left as it is.": (
        "从这里起没有看到人脸，画面保持原样。"
    ),
    "No. Another presenter's video or a clearer recording will help:": (
        "不理想。换一段主讲人视频或更清晰的录音会有帮助："
    ),
    "Nobody seems to speak in this recording, so the mouth stays shut.": (
        "录音中似乎没有人说话，嘴保持闭合。"
    ),
    "Not finished": "未完成",
    "Not measured": "未测评",
    "Nothing has gone wrong.": "没有出错的任务。",
    "Nothing is called “{words}”.": "没有名为“{words}”的视频。",
    "Older": "较早",
    "Page {number} of {pages}": "第 {number} 页，共 {pages} 页",
    "Pages": "分页",
    "Picture": "画面",
    "Poor": "较差",
    "Presenter": "主讲人",
    "Probably. Have a look at these points before you show it:": "基本可以。播放前请查看以下几点：",
    "Report": "报告",
    "Search": "搜索",
    "Search by name": "按名称搜索",
    "Select {name}": "选择 {name}",
    "Show all": "显示全部",
    "Size": "大小",
    "Somebody speaks, but the mouth does not move.": "有人在说话，但嘴没有动。",
    "Subtitles": "字幕",
    "The face turned away from here on, so the picture was left as it is.": (
        "从这里起脸转向一侧，画面保持原样。"
    ),
    "The finished video": "完成的视频",
    "The mouth follows the speech only loosely.": "嘴部动作与说话不太吻合。",
    "The mouth is less sharp than the face around it.": "嘴部比脸部其他地方模糊。",
    "The mouth moves too early.": "嘴部动作比声音早。",
    "The mouth moves too late.": "嘴部动作比声音晚。",
    "The mouth stays open in pauses.": "停顿时嘴没有闭上。",
    "The mouth trembles in pauses.": "停顿时嘴部有抖动。",
    "The picture differs from the presenter's beyond the mouth.": "嘴部以外的画面与原视频不同。",
    "The presenter as filmed": "原来的主讲人",
    "The video is no longer in the outbox.": "视频已不在发件文件夹中。",
    "There is no face in part of the video.": "部分画面中没有人脸。",
    "There is no finished video yet.": "还没有完成的视频。",
    "This video was not measured. Watch it before you show it.": "此视频未经测评，播放前请先看一遍。",
    "Time it took": "制作用时",
    "Where the mouth was left as it was": "嘴部保持原样的片段",
    "Where to look": "请看这些时刻",
    "Which results": "结果筛选",
    "Yes: the lips follow the speech, and the picture is sharp and steady.": (
        "良好：口型与说话吻合，画面清晰稳定。"
    ),
    "{count} in all": "共 {count} 个",
    "{count} selected": "已选 {count} 个",
    "Words were left out here: no voice on this machine reads their script.": (
        "这里漏读了一些字：这台机器上没有能读这种文字的语音。"
    ),
}
