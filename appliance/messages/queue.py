"""Jobs and the daemon that works on them."""

from __future__ import annotations

from appliance.messages.message import Message, message

MESSAGES: dict[str, Message] = {
    "cancelled": message(
        "The work was cancelled.",
        "Start it again when you are ready: nothing was left behind.",
        "任务已取消。",
        "需要时可以重新开始，没有留下任何残余文件。",
    ),
    "store_busy": message(
        "The list of jobs {name} is in use by another program.",
        "Try again in a moment, or start the box again if it stays.",
        "任务列表 {name} 正被其他程序占用。",
        "请稍后重试；如果一直如此，请重启设备。",
    ),
    "store_damaged": message(
        "The list of jobs {name} cannot be used ({reason}).",
        "Stop Lectern and rename that file: a new list is begun, and no video is lost.",
        "任务列表 {name} 无法使用（{reason}）。",
        "请停止 Lectern 并把该文件改名，系统会新建列表，视频不会丢失。",
    ),
    "store_denied": message(
        "This account may not use the list of jobs {name}.",
        "Run the command with sudo, as an administrator of the box.",
        "当前账户无权使用任务列表 {name}。",
        "请以设备管理员的身份用 sudo 运行该命令。",
    ),
    "store_newer": message(
        "The list of jobs {name} was written by a later version of Lectern.",
        "Install that version again.",
        "任务列表 {name} 是由较新版本的 Lectern 写入的。",
        "请重新安装该版本。",
    ),
    "job_unknown": message(
        "There is no job number {job}.",
        "List the jobs to see their numbers.",
        "没有编号为 {job} 的任务。",
        "请查看任务列表中的编号。",
    ),
    "job_wrong_state": message(
        "This cannot be done with job {job}, which is {state}.",
        "Look at the job: what is over can at most be tried again, and only if it did not succeed.",
        "任务 {job} 的状态是 {state}，不能这样操作。",
        "请查看该任务：已结束的任务只有在未成功时才能重试。",
    ),
    "job_unsettled": message(
        "The files of job {job} are just being put away.",
        "Try again in a few seconds.",
        "任务 {job} 的文件正在整理。",
        "请几秒钟后重试。",
    ),
    "file_claimed": message(
        "The file {name} already belongs to another job.",
        "Wait until that job is over, or cancel it first.",
        "文件 {name} 已经属于另一个任务。",
        "请等待该任务结束，或先取消它。",
    ),
    "interrupted": message(
        "The box went down while it worked on this job ({count} times in a row).",
        "It goes on by itself; if that happens often, check the power supply.",
        "设备在处理该任务时中断了（连续 {count} 次）。",
        "任务会自动继续；如果经常发生，请检查供电。",
    ),
    "no_progress": message(
        "The box went down {attempts} times over this job, and never without it.",
        "Try it again with a smaller video, or on a box with a steady power supply.",
        "设备在处理该任务时中断了 {attempts} 次，而不处理它时从未中断。",
        "请使用较小的视频重试，或检查设备的供电。",
    ),
    "job_options": message(
        "An option of the job cannot be used ({reason}).",
        "Correct it, or leave it out to get the box's own setting.",
        "任务的选项无法使用（{reason}）。",
        "请改正，或去掉该选项以使用设备的设置。",
    ),
    "work_failed": message(
        "The work on this lecture broke off ({reason}).",
        "It is tried again by itself; if it fails for good, use another recording or video.",
        "该讲课视频的制作中断了（{reason}）。",
        "系统会自动重试；如果最终失败，请换用其他录音或视频。",
    ),
    "work_died": message(
        "The work on this lecture ended without a word ({reason}), perhaps for want of memory.",
        "It is tried again by itself, with less memory; if it fails for good, use a smaller video.",
        "该讲课视频的制作突然中断（{reason}），可能是内存不足。",
        "系统会自动以更少的内存重试；如果最终失败，请换用较小的视频。",
    ),
    "memory_ran_out": message(
        "The memory ran out while this lecture was being made.",
        "It is tried again by itself, with less memory; if it fails for good, use a smaller video.",
        "制作该讲课视频时内存用尽。",
        "系统会自动以更少的内存重试；如果最终失败，请换用较小的视频。",
    ),
    "job_lacks_space": message(
        "This job is expected to take {needed} MB, and only {free} MB can be spared.",
        "Delete videos that are no longer needed: it then begins by itself.",
        "该任务预计需要 {needed} MB，而可用空间只有 {free} MB。",
        "请删除不再需要的视频，之后任务会自动开始。",
    ),
    "low_space": message(
        "The disk has only {free} MB left, and the work needs {needed} MB to go on.",
        "Delete videos that are no longer needed: the work then goes on by itself.",
        "磁盘只剩 {free} MB，而继续工作需要 {needed} MB。",
        "请删除不再需要的视频，之后任务会自动继续。",
    ),
    "errand_unknown": message(
        "Nothing is known of the request number {errand}.",
        "Ask again: answers are kept for a day.",
        "没有编号为 {errand} 的请求。",
        "请重新提交：结果只保留一天。",
    ),
    "errand_interrupted": message(
        "The box was started again before it could answer.",
        "Ask again.",
        "设备在完成之前重新启动了。",
        "请重新提交。",
    ),
    "errand_failed": message(
        "The box could not do what was asked ({reason}).",
        "Ask again; if it fails once more, its administrator finds the reason in the log.",
        "设备无法完成请求（{reason}）。",
        "请重试；如果仍然失败，管理员可在日志中查到原因。",
    ),
    "helper_missing": message(
        "This box has no helper for USB sticks and for switching off.",
        "Install Lectern with sudo ./setup.sh install, which sets it up.",
        "该设备没有安装处理 U 盘和关机的助手程序。",
        "请用 sudo ./setup.sh install 安装 Lectern，安装时会自动设置。",
    ),
    "helper_failed": message(
        "The helper for USB sticks and for switching off broke off ({reason}).",
        "Try again; if it fails once more, start the box again.",
        "处理 U 盘和关机的助手程序中断了（{reason}）。",
        "请重试；如果仍然失败，请重启设备。",
    ),
    "face_seldom": message(
        "The face is seen in only {percent} % of the presenter's pictures.",
        "Take a video in which the presenter looks at the camera throughout.",
        "人脸只出现在主讲人画面的 {percent}% 中。",
        "请换用主讲人始终面向镜头的视频。",
    ),
    "face_turned": message(
        "The face is turned away by {degrees}°, so its mouth is left as it is.",
        "Take a video or a photo in which the presenter looks at the camera.",
        "人脸偏转了 {degrees}°，嘴部将保持原样。",
        "请换用主讲人面向镜头的视频或照片。",
    ),
    "face_small": message(
        "The face is small: its eyes span {percent} % of the picture's height.",
        "Film from nearer, or cut the picture to the upper body.",
        "人脸太小：双眼间距只占画面高度的 {percent}%。",
        "请靠近拍摄，或把画面裁剪到上半身。",
    ),
    "faces_several": message(
        "There are {count} faces; the largest steady one will speak.",
        "Choose another one in the options if it is not the right one.",
        "画面中有 {count} 张人脸，将由最大且稳定的一张说话。",
        "如果不是您要的那一位，请在选项中另选。",
    ),
    "sound_quiet": message(
        "The recording is very quiet ({level} dB).",
        "Record it anew, nearer to the microphone: lips follow a clear voice best.",
        "录音的音量很低（{level} dB）。",
        "请靠近麦克风重新录制：声音清晰，口型才准确。",
    ),
    "sound_loud": message(
        "The recording is so loud that it is probably distorted ({level} dB).",
        "Record it anew with less gain.",
        "录音的音量过高，可能已经失真（{level} dB）。",
        "请降低增益后重新录制。",
    ),
    "too_warm": message(
        "The box is too warm ({zone}: {temperature} °C) and rests until it is at {resume} °C.",
        "Keep its openings free and out of the sun: the work then goes on by itself.",
        "设备过热（{zone}：{temperature} °C），降到 {resume} °C 之前暂停工作。",
        "请保持通风口畅通并避免阳光直射，之后任务会自动继续。",
    ),
    "low_memory": message(
        "Only {free} MB of memory are free, and the work needs {needed} MB to begin.",
        "End other programs on the box: the work then goes on by itself.",
        "可用内存只有 {free} MB，而开始工作需要 {needed} MB。",
        "请关闭设备上的其他程序，之后任务会自动继续。",
    ),
    "quiet_hours": message(
        "These are quiet hours, until {until}.",
        "Wait, or change governor.quiet in the settings: the work goes on by itself.",
        "现在是安静时段，到 {until} 为止。",
        "请等待，或修改设置中的 governor.quiet，之后任务会自动继续。",
    ),
    "preview_first": message(
        "Somebody is looking at a preview, which goes first.",
        "Wait a moment: the work goes on by itself.",
        "有人正在查看预览，预览优先。",
        "请稍候，之后任务会自动继续。",
    ),
    "already_serving": message(
        "Another Lectern is already at work in {name}.",
        "Let that one go on, or stop it first.",
        "已有另一个 Lectern 正在 {name} 中工作。",
        "请让它继续，或先将其停止。",
    ),
    "source_changed": message(
        "The file {name} was changed while it was being worked on.",
        "It is begun again by itself: wait until the copy has finished.",
        "文件 {name} 在处理过程中被修改。",
        "系统会自动重新开始，请等待复制完成。",
    ),
}
