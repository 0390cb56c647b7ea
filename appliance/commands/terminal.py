"""Progress in a terminal, and the language of its user."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from appliance.render.progress import OnProgress
from appliance.render.progress import Progress as RenderProgress

_STAGES = {
    "check": "checking the files",
    "selftest": "preparing the GPU (a minute or two, the first time)",
    "tts": "synthesizing speech",
    "presenter": "analysing the presenter",
    "speech": "analysing the lecture",
    "render": "rendering",
    "mux": "combining",
    "score": "checking the result",
}
_UNITS = {"selftest": "s", "render": "frames", "speech": "s analysed", "score": "frames"}
_LOG_INTERVAL_S = 10.0


class _RateColumn(ProgressColumn):
    """A column with the units done, the total, and the units per second."""

    def render(self, task: Task) -> Text:
        unit = task.fields["unit"]
        if not unit:
            return Text("")
        speed = f"  {task.speed:.0f}/s" if task.speed else ""
        return Text(f"{task.completed:.0f}/{task.total:.0f} {unit}{speed}")


@contextmanager
def progress_bar() -> Iterator[OnProgress]:
    """Yield a callback that shows stage, units, units per second and time left on stderr.

    Without a terminal it writes one line per stage, and the progress every ten seconds.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _line_printer()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), _RateColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        current = bar.add_task("", total=1, unit="")
        last = ""

        def show(progress: RenderProgress) -> None:
            nonlocal last
            if progress.stage != last:
                last = progress.stage
                text, unit = _STAGES[progress.stage], _UNITS.get(progress.stage, "")
                bar.reset(current, total=progress.total, description=text, unit=unit)
            bar.update(current, completed=progress.done, total=progress.total)

        yield show


def _line_printer() -> OnProgress:
    last_stage, last_time = "", 0.0

    def show(progress: RenderProgress) -> None:
        nonlocal last_stage, last_time
        now = time.monotonic()
        if progress.stage == last_stage and now - last_time < _LOG_INTERVAL_S:
            return
        count = (
            f" {progress.done}/{progress.total}"
            if progress.stage in _UNITS and progress.done
            else ""
        )
        print(f"{_STAGES[progress.stage]}{count}", file=sys.stderr, flush=True)
        last_stage, last_time = progress.stage, now

    return show


def terminal_language(environment: Mapping[str, str] = os.environ) -> str:
    """Return ``"zh"`` if the locale in ``environment`` is Chinese, else ``"en"``."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environment[name] for name in names if environment.get(name)), "")
    return "zh" if locale.startswith("zh") else "en"
