"""Errors and states of jobs, background tasks and the daemon."""

from __future__ import annotations

from appliance.messages.message import Message, message

MESSAGES: dict[str, Message] = {
    "cancelled": message(
        "The operation was cancelled.",
        "Start it again when you are ready; no incomplete files were left behind.",
        "操作已取消。",
        "需要时可以重新开始，没有留下不完整的文件。",
    ),
    "database_busy": message(
        "The database {name} is in use by another program.",
        "Try again in a moment; if the problem remains, restart the device.",
        "数据库 {name} 正被其他程序占用。",
        "请稍后重试；如果问题仍然存在，请重启设备。",
    ),
    "database_damaged": message(
        "The database {name} cannot be used ({reason}).",
        "Stop Lectern and run sudo lectern restore, which lists the backups; no video is lost.",
        "数据库 {name} 无法使用（{reason}）。",
        "请停止 Lectern 并运行 sudo lectern restore 查看备份；视频不会丢失。",
    ),
    "database_in_use": message(
        "The database {name} is in use, so it cannot be replaced.",
        "Stop the services with sudo systemctl stop lectern lectern-panel, then run the command "
        "again.",
        "数据库 {name} 正在使用中，无法替换。",
        "请先用 sudo systemctl stop lectern lectern-panel 停止服务，然后重新运行该命令。",
    ),
    "backup_missing": message(
        "There is no intact backup {name}.",
        "Run lectern restore to list the backups and choose another one.",
        "没有完好的备份 {name}。",
        "请运行 lectern restore 查看备份，并选择其他备份。",
    ),
    "database_restored": message(
        "The database {name} was damaged ({reason}) and was restored from a backup of {time}; "
        "later changes are lost.",
        "Check accounts, passwords and the queue; the damaged file is kept as {kept}.",
        "数据库 {name} 已损坏（{reason}），已从 {time} 的备份恢复；之后的更改已丢失。",
        "请检查账户、密码和队列；损坏的文件已保留为 {kept}。",
    ),
    "database_access_denied": message(
        "You do not have permission to use the database {name}.",
        "Run the command with sudo, as an administrator of the device.",
        "当前用户无权使用数据库 {name}。",
        "请以设备管理员的身份用 sudo 运行该命令。",
    ),
    "database_too_new": message(
        "The database {name} was written by a newer version of Lectern.",
        "Install that version again.",
        "数据库 {name} 由较新版本的 Lectern 写入。",
        "请重新安装该版本。",
    ),
    "database_too_old": message(
        "The database {name} was written by an older version of Lectern, which is not supported.",
        "Stop Lectern and rename the file; a new database is then created, and no video is lost.",
        "数据库 {name} 由较旧版本的 Lectern 写入，不再受支持。",
        "请停止 Lectern 并重命名该文件；系统会新建数据库，视频不会丢失。",
    ),
    "job_unknown": message(
        "There is no job number {job}.",
        "Look up the job numbers in the list of jobs.",
        "没有编号为 {job} 的任务。",
        "请在任务列表中查看编号。",
    ),
    "job_wrong_state": message(
        "This is not possible for job {job}, because its state is {state}.",
        "Check the state of the job; a job that has ended can only be retried if it did not "
        "succeed.",
        "任务 {job} 的状态为 {state}，无法执行此操作。",
        "请查看任务的状态；已结束的任务只有在未成功时才能重试。",
    ),
    "job_not_archived": message(
        "The files of job {job} are still being archived.",
        "Try again in a few seconds.",
        "任务 {job} 的文件正在归档。",
        "请几秒后重试。",
    ),
    "file_in_use": message(
        "The file {name} already belongs to another job.",
        "Wait until that job has finished, or cancel it first.",
        "文件 {name} 已被另一个任务使用。",
        "请等待该任务结束，或先将其取消。",
    ),
    "interrupted": message(
        "The device stopped unexpectedly while working on this job ({count} times in a row).",
        "The job resumes automatically; if this happens often, check the power supply.",
        "设备在处理该任务时意外中断（连续 {count} 次）。",
        "任务会自动继续；如果经常发生，请检查供电。",
    ),
    "repeatedly_interrupted": message(
        "The device stopped unexpectedly {attempts} times, each time while working on this job.",
        "Retry the job with a smaller video, or make sure that the power supply is stable.",
        "设备意外中断了 {attempts} 次，每次都是在处理该任务时。",
        "请换用较小的视频重试，或确保设备供电稳定。",
    ),
    "job_options_invalid": message(
        "An option of the job is invalid ({reason}).",
        "Correct the option, or leave it out to use the device's setting.",
        "任务的一个选项无效（{reason}）。",
        "请改正该选项，或将其去掉以使用设备的设置。",
    ),
    "processing_failed": message(
        "Processing failed ({reason}).",
        "Lectern retries automatically; if it still fails, use another recording or video.",
        "处理失败（{reason}）。",
        "系统会自动重试；如果仍然失败，请换用其他录音或视频。",
    ),
    "processing_crashed": message(
        "Processing stopped unexpectedly ({reason}), possibly because of insufficient memory.",
        "Lectern retries automatically with less memory; if it still fails, use a smaller video.",
        "处理意外中止（{reason}），可能是内存不足。",
        "系统会自动以更少的内存重试；如果仍然失败，请换用较小的视频。",
    ),
    "out_of_memory": message(
        "The device ran out of memory while creating this video.",
        "Lectern retries automatically with less memory; if it still fails, use a smaller video.",
        "制作该视频时内存不足。",
        "系统会自动以更少的内存重试；如果仍然失败，请换用较小的视频。",
    ),
    "job_needs_disk_space": message(
        "This job needs about {needed} MB of disk space, but only {free} MB are available.",
        "Delete videos that are no longer needed; the job then starts automatically.",
        "该任务大约需要 {needed} MB 磁盘空间，但只有 {free} MB 可用。",
        "请删除不再需要的视频；之后任务会自动开始。",
    ),
    "low_disk_space": message(
        "The disk has only {free} MB left, but {needed} MB are needed to continue.",
        "Delete videos that are no longer needed; work then continues automatically.",
        "磁盘只剩 {free} MB，但继续工作需要 {needed} MB。",
        "请删除不再需要的视频；之后任务会自动继续。",
    ),
    "task_unknown": message(
        "There is no background task number {task}.",
        "Try again; results are kept for one day.",
        "没有编号为 {task} 的后台任务。",
        "请重试；结果只保留一天。",
    ),
    "too_many_tasks": message(
        "You already have {limit} checks or previews that are not finished.",
        "Wait until some of them have finished, then try again.",
        "您已有 {limit} 项检查或预览尚未完成。",
        "请等待其中一些完成后再试。",
    ),
    "too_many_queued_jobs": message(
        "You already have {count} videos in the queue; {limit} are allowed for one user.",
        "Wait until some of them are finished, or cancel those that are no longer needed.",
        "您的队列中已有 {count} 个视频，每位用户最多 {limit} 个。",
        "请等待其中一些完成，或取消不再需要的视频。",
    ),
    "queue_quota_exceeded": message(
        "The files of your videos in the queue would exceed the {limit} that one user may have.",
        "Wait until some of them are finished, or cancel those that are no longer needed.",
        "您队列中视频的文件总量将超过每位用户的上限 {limit}。",
        "请等待其中一些完成，或取消不再需要的视频。",
    ),
    "task_params_invalid": message(
        "The background task {kind} was requested with invalid parameters ({reason}).",
        "Reload the page and try again; programs find the parameters in the API documentation.",
        "后台任务 {kind} 的参数无效（{reason}）。",
        "请重新加载页面后重试；程序请查阅 API 文档中的参数说明。",
    ),
    "task_interrupted": message(
        "The device was restarted before the background task had finished.",
        "Try again.",
        "设备在后台任务完成之前重新启动了。",
        "请重试。",
    ),
    "task_failed": message(
        "The background task failed ({reason}).",
        "Try again; if it fails again, ask the administrator to look for the reason in the log.",
        "后台任务失败（{reason}）。",
        "请重试；如果再次失败，请管理员在日志中查找原因。",
    ),
    "helper_missing": message(
        "The system helper for USB drives and shutdown is not installed on this device.",
        "Install Lectern with sudo ./setup.sh install, which also installs the helper.",
        "该设备没有安装用于 U 盘和关机的系统辅助程序。",
        "请用 sudo ./setup.sh install 安装 Lectern，系统辅助程序会一并安装。",
    ),
    "helper_failed": message(
        "The system helper for USB drives and shutdown failed ({reason}).",
        "Try again; if it fails again, restart the device.",
        "用于 U 盘和关机的系统辅助程序出错（{reason}）。",
        "请重试；如果再次失败，请重启设备。",
    ),
    "retry_useless": message(
        "Job {job} would fail again, because its files are still the same.",
        "Correct or replace the file that the reason names, then try again.",
        "任务 {job} 会再次失败，因为文件没有变化。",
        "请先修正或替换原因中提到的文件，然后重试。",
    ),
    "face_rarely_seen": message(
        "The face is visible in only {percent} % of the presenter's video.",
        "Use a video in which the presenter faces the camera throughout.",
        "主讲人视频中只有 {percent}% 的画面能看到人脸。",
        "请换用主讲人始终面向镜头的视频。",
    ),
    "face_turned": message(
        "The face is turned away by {degrees}°, so the mouth is left unchanged.",
        "Use a video or photo in which the presenter faces the camera.",
        "人脸偏转了 {degrees}°，嘴部将保持原样。",
        "请换用主讲人面向镜头的视频或照片。",
    ),
    "face_small": message(
        "The face is small: the eyes are {pixels} pixels apart, but {needed} are needed.",
        "Film from a shorter distance, or crop the picture to the upper body.",
        "人脸太小：双眼间距为 {pixels} 像素，至少需要 {needed} 像素。",
        "请靠近拍摄，或将画面裁剪到上半身。",
    ),
    "multiple_faces": message(
        "{count} faces were found; the largest one that appears consistently will speak.",
        "If it is the wrong one, choose another face in the options.",
        "画面中有 {count} 张人脸，将由持续出现的最大一张说话。",
        "如果不是您要的那一位，请在选项中另选人脸。",
    ),
    "audio_too_quiet": message(
        "The recording is very quiet ({level} dB).",
        "Record it again closer to the microphone; a clear voice gives the best lip movements.",
        "录音的音量很低（{level} dB）。",
        "请靠近麦克风重新录制；声音清晰，口型才准确。",
    ),
    "audio_too_loud": message(
        "The recording is so loud that it is probably distorted ({level} dB).",
        "Record it again at a lower input level.",
        "录音的音量过高，可能已经失真（{level} dB）。",
        "请降低输入音量后重新录制。",
    ),
    "too_hot": message(
        "The device is too warm ({zone}: {temperature} °C) and pauses until it has cooled to "
        "{resume} °C.",
        "Keep its vents clear and out of the sun; work then continues automatically.",
        "设备过热（{zone}：{temperature} °C），将暂停工作，直到降至 {resume} °C。",
        "请保持通风口畅通并避免阳光直射；之后任务会自动继续。",
    ),
    "low_memory": message(
        "Only {free} MB of memory are free, but {needed} MB are needed to start.",
        "Close other programs on the device; work then continues automatically.",
        "可用内存只有 {free} MB，但开始工作需要 {needed} MB。",
        "请关闭设备上的其他程序；之后任务会自动继续。",
    ),
    "quiet_hours": message(
        "Quiet hours are in effect until {until}.",
        "Wait, or change governor.quiet_hours in the settings; work then continues automatically.",
        "现在是安静时段，到 {until} 为止。",
        "请等待，或更改设置中的 governor.quiet_hours；之后任务会自动继续。",
    ),
    "preview_pending": message(
        "A preview is being created first.",
        "Wait a moment; work then continues automatically.",
        "正在优先制作预览。",
        "请稍候；之后任务会自动继续。",
    ),
    "already_running": message(
        "Another instance of Lectern is already running in {name}.",
        "Use that instance, or stop it first.",
        "已有另一个 Lectern 正在 {name} 中运行。",
        "请直接使用正在运行的 Lectern，或先将其停止。",
    ),
    "source_changed": message(
        "The file {name} was changed while it was being processed.",
        "The job starts again automatically; wait until the file has been copied completely.",
        "文件 {name} 在处理过程中被更改。",
        "任务会自动重新开始；请等待文件复制完成。",
    ),
}
