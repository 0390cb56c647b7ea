"""``lectern jobs``: list and control the job queue."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.commands import add_config_option
from appliance.commands.overrides import add_override_options, overrides_from
from appliance.commands.terminal import terminal_language

if TYPE_CHECKING:
    from appliance.commands import Subparsers
    from appliance.jobs.models import Job
    from appliance.jobs.store import JobStore


_ENDED = {"done", "failed", "cancelled"}
_LIST_LIMIT = 50
_ON_HOLD = {"en": "On hold: ", "zh": "暂停："}


def add_parser(commands: Subparsers) -> None:
    """Add the ``jobs`` command and its actions to the command line."""
    parser = commands.add_parser(
        "jobs",
        help="list and control the jobs in the queue",
        description="List and control the jobs in the queue.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    listing = actions.add_parser(
        "list",
        help="list jobs, newest first",
        description="List jobs, newest first, with state, progress and the reason of a failure. "
        "Reasons why no job is started at the moment are printed first.",
    )
    listing.add_argument("--open", action="store_true", help="list only jobs that have not ended")
    listing.add_argument(
        "--all", action="store_true", help=f"list all jobs (default: the newest {_LIST_LIMIT})"
    )
    listing.add_argument("--json", action="store_true", help="print JSON")
    _set_action(listing, _list)

    show = actions.add_parser(
        "show", help="show the details of a job", description="Print all details of a job."
    )
    show.add_argument("job", type=int, help="job number")
    show.add_argument("--json", action="store_true", help="print JSON")
    _set_action(show, _show)

    add = actions.add_parser(
        "add",
        help="add a job to the queue",
        description="Add a job to the queue and print its number. The files are not moved.",
    )
    add.add_argument("presenter", type=Path, help="video or photo of the presenter")
    add.add_argument("lecture", type=Path, help="recording, video with sound, or text file")
    add.add_argument(
        "--name", metavar="NAME", help="name of the result (default: the name of the lecture)"
    )
    add.add_argument(
        "--priority",
        type=int,
        default=0,
        metavar="N",
        help="jobs with a higher priority run first (default: 0)",
    )
    add_override_options(add)
    _set_action(add, _add)

    for name, change, text in (
        ("cancel", _cancel, "cancel jobs; a running job stops after the current chunk"),
        ("retry", _retry, "retry failed or cancelled jobs"),
        ("pause", _pause, "pause jobs; a running job pauses after the current chunk"),
        ("resume", _resume, "resume paused jobs"),
    ):
        action = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        action.add_argument("jobs", type=int, nargs="+", metavar="job", help="job number")
        _set_action(action, _for_each(change))

    priority = actions.add_parser(
        "priority",
        help="change the priority of a job",
        description="Change the priority of a job.",
    )
    priority.add_argument("job", type=int, help="job number")
    priority.add_argument("priority", type=int, help="jobs with a higher priority run first")
    _set_action(priority, _set_priority)


Action = Callable[["JobStore", argparse.Namespace], None]


def _set_action(parser: argparse.ArgumentParser, action: Action) -> None:
    add_config_option(parser)
    parser.add_argument(
        "--language",
        choices=["en", "zh"],
        default=terminal_language(),
        help="language of the reasons (default: from the locale)",
    )

    def run(options: argparse.Namespace) -> int:
        from appliance.config import load_config
        from appliance.jobs.store import JobStore, store_path

        config = load_config(options.config)
        options.settings = config
        with JobStore(store_path(config.root)) as store:
            action(store, options)
        return 0

    parser.set_defaults(run=run)


def _list(store: JobStore, options: argparse.Namespace) -> None:
    from appliance.jobs.states import JobState

    states = [s for s in JobState if not (options.open and s.value in _ENDED)]
    jobs = store.jobs(states, -1 if options.all else _LIST_LIMIT)
    if options.json:
        _print_json([job.to_dict() for job in jobs])
        return
    for hold in store.holds():
        print(f"{_ON_HOLD[options.language]}{hold.text(options.language)}")
    if not jobs:
        print("There are no jobs.")
        return
    print(f"{'job':>5}  {'state':<9}  {'done':>4}  name")
    for job in jobs:
        reason = f" ({job.reason.text(options.language)})" if job.reason else ""
        print(
            f"{job.id:>5}  {job.state.value:<9}  {_progress_percent(job):>4}  "
            f"{_display_name(job)}{reason}"
        )


def _show(store: JobStore, options: argparse.Namespace) -> None:
    job = store.get(options.job)
    values = job.to_dict()
    if options.json:
        _print_json(values)
        return
    values["reason"] = job.reason.text(options.language) if job.reason else None
    values["options"] = json.dumps(values["options"]) if values["options"] else None
    for name in ("created", "started", "heartbeat", "finished", "downloaded"):
        values[name] = _format_time(values[name])
    values["not_before"] = _format_time(job.not_before or None)
    for name, value in values.items():
        if value not in (None, ""):
            print(f"{name:<14} {_one_line(str(value))}")


def _add(store: JobStore, options: argparse.Namespace) -> None:
    from appliance.config import apply_overrides
    from appliance.jobs.models import NewJob, Reason
    from appliance.media.container import check_file
    from appliance.privileges import check_visible_to_services
    from appliance.tasks.child import run_in_child

    presenter, lecture = options.presenter.resolve(), options.lecture.resolve()
    for path in (presenter, lecture):
        check_file(path)
        check_visible_to_services(path, options.config)
    overrides = overrides_from(options)
    config = apply_overrides(options.settings, overrides)
    with tempfile.TemporaryDirectory() as folder:  # what can only fail is refused at once
        result = run_in_child("preflight", presenter, lecture, config, Path(folder) / "face.jpg")
    for warning in result["warnings"]:
        reason = Reason(warning["code"], warning["params"])
        print(f"lectern: {_one_line(reason.text(options.language))}", file=sys.stderr)
    stem = options.name or lecture.stem
    print(store.add(NewJob(stem, presenter, lecture, overrides, options.priority)).id)


def _for_each(change: Callable[[JobStore, int], str]) -> Action:
    def run(store: JobStore, options: argparse.Namespace) -> None:
        for job in options.jobs:
            print(f"Job {job}: {change(store, job)}.")

    return run


def _cancel(store: JobStore, job: int) -> str:
    state = store.cancel(job)
    return "will stop after the current chunk" if state.value == "running" else state.value


def _pause(store: JobStore, job: int) -> str:
    state = store.pause(job)
    return "will pause after the current chunk" if state.value == "running" else state.value


def _resume(store: JobStore, job: int) -> str:
    store.resume(job)
    return store.get(job).state.value


def _retry(store: JobStore, job: int) -> str:
    store.retry(job)
    return store.get(job).state.value


def _set_priority(store: JobStore, options: argparse.Namespace) -> None:
    store.set_priority(options.job, options.priority)
    print(f"Job {options.job}: priority {options.priority}.")


def _progress_percent(job: Job) -> str:
    if job.state.value == "done":
        return "100%"
    # Only rendering counts: the stages before it are short.
    in_rendering = job.stage in ("render", "mux") and job.total
    return f"{100 * job.done // job.total}%" if in_rendering else ""


def _display_name(job: Job) -> str:
    from appliance.jobs.models import display_name

    return _one_line(display_name(job.stem))


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else "�" for c in text)


def _format_time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _print_json(content: object) -> None:
    print(json.dumps(content, indent=2, ensure_ascii=False))
