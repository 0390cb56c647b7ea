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
    "low_space": message(
        "The disk has only {free} MB left, and a new job needs {needed} MB.",
        "Delete videos that are no longer needed: the work then goes on by itself.",
        "磁盘只剩 {free} MB，而新任务需要 {needed} MB。",
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
