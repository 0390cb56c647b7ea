"""Texts of the quality verdict and of the warnings in a report, by code, in English and Chinese.

Unlike errors they are stored in reports, in English, and localized by their code when shown.
"""

from __future__ import annotations

Texts = dict[str, dict[str, str]]
"""Language (``en``, ``zh``) to sentence, by code."""

GRADES: Texts = {
    "good": {"en": "good.", "zh": "良好。"},
    "check": {"en": "please check these points before you show the video.",
              "zh": "播放前请检查以下几点。"},
    "poor": {"en": "poor. Do not show the video before you have looked at these points.",
             "zh": "较差。播放前请务必查看以下问题。"},
    "not_measured": {"en": "not measured. Watch the video before you show it.",
                     "zh": "未测量。播放前请先看一遍。"},
}  # fmt: skip
"""Grades of a video, as the continuation of "Quality: "."""

REASONS: Texts = {
    "face_missing": {
        "en": "Part of the video shows no face.",
        "zh": "部分画面中没有人脸。",
    },
    "mouth_still": {
        "en": "There is speech, but the mouth does not move.",
        "zh": "有说话声，但嘴没有动。",
    },
    "mouth_late": {
        "en": "The mouth moves later than the sound.",
        "zh": "嘴部动作比声音晚。",
    },
    "mouth_early": {
        "en": "The mouth moves earlier than the sound.",
        "zh": "嘴部动作比声音早。",
    },
    "sync_weak": {
        "en": "The mouth does not match the speech well.",
        "zh": "嘴部动作与语音不太吻合。",
    },
    "open_in_silence": {
        "en": "The mouth stays open during pauses.",
        "zh": "停顿时嘴没有闭上。",
    },
    "mouth_trembling": {
        "en": "The mouth trembles during pauses.",
        "zh": "停顿时嘴部有抖动。",
    },
    "mouth_unchanged": {
        "en": "Part of the video shows the face turned away, so the mouth was left as filmed.",
        "zh": "部分画面中脸转向一侧，嘴部保持原样。",
    },
    "mouth_shut": {
        "en": "In part of the speech the mouth does not move.",
        "zh": "部分说话声中嘴没有动。",
    },
    "moves_in_silence": {
        "en": "The mouth moves although nobody speaks.",
        "zh": "没有说话声时嘴仍在动。",
    },
    "lips_pale": {
        "en": "The lips are paler than the presenter's own, or partly missing.",
        "zh": "嘴唇比本人的更淡，或部分缺失。",
    },
    "inside_bright": {
        "en": "The inside of the mouth is brighter than the presenter's own.",
        "zh": "口腔内部比本人的更亮。",
    },
    "mouth_too_sharp": {
        "en": "The mouth is sharper than the presenter's own, or shows hard edges.",
        "zh": "嘴部比本人的更锐利，或有生硬的边缘。",
    },
    "mouth_flickers": {
        "en": "The mouth flickers from frame to frame.",
        "zh": "嘴部逐帧闪烁。",
    },
    "wrong_person": {
        "en": "The face in the video does not look like the presenter's.",
        "zh": "视频中的人脸与主讲人不像。",
    },
    "mouth_blurred": {
        "en": "The mouth is less sharp than the rest of the face.",
        "zh": "嘴部比面部其他区域模糊。",
    },
    "seam": {
        "en": "An edge may be visible around the mouth.",
        "zh": "嘴部周围可能有接缝。",
    },
    "outside_mouth_changed": {
        "en": "Outside the mouth, the picture differs from the original.",
        "zh": "嘴部以外的画面与原画面不同。",
    },
}
"""Reasons for the grade of a video, also of single moments."""

UNMEASURED: Texts = {
    "score_missing": {
        "en": "The quality of this video was not measured.",
        "zh": "未评估此视频的质量。",
    },
    "sound_unmeasured": {
        "en": "The video has no sound, so it is unknown whether the mouth matches it.",
        "zh": "视频没有声音，无法判断嘴部动作是否吻合。",
    },
    "speech_unmeasured": {
        "en": "There is hardly any speech, so it is unknown whether the mouth matches it.",
        "zh": "几乎没有说话声，无法判断嘴部动作是否吻合。",
    },
    "sync_unmeasured": {
        "en": "It could not be measured whether the mouth matches the speech.",
        "zh": "无法测量嘴部动作与语音是否吻合。",
    },
    "look_unmeasured": {
        "en": "The mouth could not be compared with the presenter's own.",
        "zh": "无法将嘴部与本人的进行比较。",
    },
}
"""What a good video must be measured for and could not be."""

WARNINGS: Texts = {
    "no_face": {
        "en": "No face was found from here on, so the picture was left unchanged.",
        "zh": "从此处起未检测到人脸，画面保持不变。",
    },
    "turned_away": {
        "en": "The face is turned away from here on, so the picture was left unchanged.",
        "zh": "从此处起脸转向一侧，画面保持不变。",
    },
    "more_gaps": {
        "en": "There are {count} more sections like these.",
        "zh": "还有 {count} 处类似的片段。",
    },
    "no_speech": {
        "en": "No speech was found in this recording, so the mouth stays closed.",
        "zh": "录音中未检测到说话声，嘴保持闭合。",
    },
    "presenter_sound_late": {
        "en": "In the presenter's own video, the sound comes {count} ms after the picture.",
        "zh": "在主讲人自己的视频中，声音比画面晚 {count} 毫秒。",
    },
    "presenter_sound_early": {
        "en": "In the presenter's own video, the sound comes {count} ms before the picture.",
        "zh": "在主讲人自己的视频中，声音比画面早 {count} 毫秒。",
    },
    "other_person": {
        "en": "Another person appears in the video, whose lips are left unchanged.",
        "zh": "视频中还出现了另一个人，其嘴部保持原样。",
    },
    "presenter_turned": {
        "en": "The person was not upright, so the picture was turned by {degrees} degrees.",
        "zh": "画面中的人不是正立的，因此画面已旋转 {degrees} 度。",
    },
    "presenter_reduced": {
        "en": "The video of the presenter was reduced to {width}×{height} pixels.",
        "zh": "主讲人视频已缩小到 {width}×{height} 像素。",
    },
    "presenter_slow": {
        "en": "The video of the presenter has only {fps} frames a second, so it may look jerky.",
        "zh": "主讲人视频每秒只有 {fps} 帧，画面可能不流畅。",
    },
    "file_unused": {
        "en": "The file {name} has the same name and was not used.",
        "zh": "文件 {name} 的主文件名相同，没有使用。",
    },
    "subtitles_estimated": {
        "en": "The text {name} became the subtitles, and their times are estimated.",
        "zh": "文本 {name} 已用作字幕，显示时间是估算的。",
    },
    "transcript_unusable": {
        "en": "The file {name} could not be used for subtitles: {reason}.",
        "zh": "无法将文件 {name} 用作字幕：{reason}。",
    },
    "recording_quiet": {
        "en": "The recording is very quiet, so listen whether it can be heard well enough.",
        "zh": "录音音量很低，请试听音量是否足够。",
    },
    "channels_opposite": {
        "en": "The two channels of the recording cancel each other out on a single loudspeaker.",
        "zh": "录音的两个声道相位相反，用单个扬声器播放时会互相抵消。",
    },
    "audio_track_chosen": {
        "en": "The lecture has several sound tracks, and number {number} is the first with speech.",
        "zh": "讲课文件有多条音轨，使用了第一条含有语音的音轨（第 {number} 条）。",
    },
    "text_skipped": {
        "en": "No voice on this device can read “{words}”, so it was left out.",
        "zh": "设备上没有能朗读“{words}”的语音，已略过。",
    },
    "markup_left_out": {
        "en": "These parts of the text are markup and were not read aloud: {words}.",
        "zh": "文本中的以下部分是标记，没有朗读：{words}。",
    },
}
"""Warnings from rendering. ``{count}`` is the key ``count`` of the warning in the report."""

NOTES: Texts = {
    "no_sound": {
        "en": "The file has no sound, so the mouth cannot be compared with it.",
        "zh": "文件没有声音，无法与嘴部动作比较。",
    },
    "no_silence": {
        "en": "There is no pause long enough to measure the mouth at rest.",
        "zh": "没有足够长的停顿，无法测量静止的嘴部。",
    },
    "mouth_still": {
        "en": "The mouth does not move, so a correlation is not defined.",
        "zh": "嘴没有动，相关系数无定义。",
    },
    "reference_still": {
        "en": "The mouth in the reference does not move, so a correlation is not defined.",
        "zh": "参考视频中嘴没有动，相关系数无定义。",
    },
    "no_reference_face": {
        "en": "The reference shows no face.",
        "zh": "参考视频中没有人脸。",
    },
    "photo_mouth_open": {
        "en": "The photo shows an open mouth; pauses are judged by how far it closes.",
        "zh": "照片中嘴是张开的；停顿时按闭合程度评估。",
    },
    "source_differs": {
        "en": "The source has another size or frame rate, so pictures were not compared.",
        "zh": "源视频的尺寸或帧率不同，未比较画面。",
    },
    "source_unused": {
        "en": "Too little of the file could be compared with the source.",
        "zh": "文件中能与源视频比较的部分太少。",
    },
    "sampled": {
        "en": "The file is long, so only sections spread evenly over it were measured.",
        "zh": "文件较长，只测量了均匀分布的若干片段。",
    },
}
"""Why a measure is missing, or what it covers."""
