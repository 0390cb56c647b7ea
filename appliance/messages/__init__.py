"""The catalogue of error messages: one entry per code, in English and Chinese.

``text`` says what happened and ``cure`` what to do; each is one sentence. Placeholders such as
``{name}`` are filled from the details of the error. There is one module per subject. The table of
codes in the teacher's guides is generated from this catalogue, and a test compares the two.
"""

from __future__ import annotations

from itertools import chain

from appliance.messages import (
    face,
    files,
    inbox,
    media,
    model,
    panel,
    queue,
    settings,
    speech,
    uploads,
    usb,
)
from appliance.messages.message import Message

__all__ = ["MESSAGES", "Message"]

_SUBJECTS = (files, media, speech, face, model, settings, inbox, queue, panel, uploads, usb)

MESSAGES: dict[str, Message] = dict(
    chain.from_iterable(subject.MESSAGES.items() for subject in _SUBJECTS)
)

if len(MESSAGES) != sum(len(subject.MESSAGES) for subject in _SUBJECTS):
    raise RuntimeError("a code is defined twice in the catalogue")
