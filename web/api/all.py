"""All blueprints of the API."""

from __future__ import annotations

from web.api import account, box, checks, files, jobs, people, presenters, root
from web.uploads import tus

BLUEPRINTS = tuple(
    part.blueprint for part in (root, account, jobs, files, checks, presenters, tus, box, people)
)
