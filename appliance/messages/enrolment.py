"""What was learned from a presenter, in words, by mode; shown by the command line and the panel."""

from __future__ import annotations

from appliance.messages.score import Texts

OUTCOMES: Texts = {
    "learned": {
        "en": "The mouth moves as this presenter moves it.",
        "zh": "嘴部按这位主讲人的方式运动。",
    },
    "range": {
        "en": "The mouth opens as far as this presenter opens it, and moves as everybody's does.",
        "zh": "嘴部张开的幅度与这位主讲人一致，运动方式为通用方式。",
    },
    "no_gain": {
        "en": "The general way of moving the mouth already fits this presenter.",
        "zh": "通用的嘴部运动方式已适合这位主讲人。",
    },
    "too_short": {
        "en": "There is too little speech to learn from. Half a minute is good.",
        "zh": "语音太短，无法学习。半分钟左右为宜。",
    },
    "unrelated": {
        "en": "The mouth does not move as the sound says, so nothing was learned.",
        "zh": "嘴部动作与声音不符，因此没有学习。",
    },
    "no_sound": {
        "en": "There is no speech to learn from.",
        "zh": "没有可供学习的语音。",
    },
    "no_encoder": {
        "en": "Learning needs the speech encoder, which failed or does not fit this model.",
        "zh": "学习需要语音编码器，但它运行失败，或不适用于当前模型。",
    },
    "unknown": {
        "en": "Nothing has been learned yet.",
        "zh": "尚未学习。",
    },
}
"""Sentences by mode; ``unknown`` is for presenters from whom was not tried to learn."""

SHAPES: Texts = {
    "ah": {
        "en": "The mouth is hardly ever wide open: say “ah” clearly, as in “father”.",
        "zh": "嘴几乎没有张大：请清楚地发“啊”音，如“妈妈”。",
    },
    "oh": {
        "en": "The mouth is hardly ever rounded: say “oh” and “oo” clearly, as in “go” and “food”.",
        "zh": "嘴几乎没有圆起：请清楚地发“喔”“乌”音，如“我”“路”。",
    },
    "ee": {
        "en": "The mouth is hardly ever spread: say “ee” clearly, as in “see”.",
        "zh": "嘴角几乎没有展开：请清楚地发“衣”音，如“一起”。",
    },
}
"""Advice about mouth shapes that a recording lacks."""
