"""The catalogue of what can go wrong: one entry a code, in English and Chinese.

``text`` says what happened, ``cure`` what to do; each is one sentence. Placeholders such as
``{name}`` are filled by the error's details. One module a subject; the teacher's guide lists the
same codes, and a test keeps the two lists equal.
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
    raise RuntimeError("a code stands twice in the catalogue")
