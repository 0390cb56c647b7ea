"""Preflights and previews: submitted as tasks, with results for their owner."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.config import Config
from appliance.jobs.models import Reason
from appliance.jobs.store import store_path
from appliance.jobs.tasks import TaskStore
from tests.web.api.conftest import Program, Programs


@pytest.fixture
def tasks(config: Config) -> Iterator[TaskStore]:
    """The daemon's side."""
    with TaskStore(store_path(config.root)) as tasks:
        yield tasks


def ask(teacher: Program, **more: object) -> int:
    body = {"presenter": {"upload": teacher.upload("wang.mp4")}, **more}
    answer = teacher.post("/preflights", body)
    assert answer.status_code == 202, answer.text
    number: int = answer.get_json()["id"]
    return number


def test_task_contains_paths_of_the_uploads(
    program: Programs, tasks: TaskStore, config: Config
) -> None:
    teacher = program("teacher")
    lecture = teacher.upload("1.txt", b"words")
    number = ask(teacher, lecture={"upload": lecture}, options={"speed": 1.5})
    task = tasks.claim(["preflight"])
    assert task is not None and task.id == number and task.owner == "teacher"
    assert task.params["options"] == {"speech": {"speed": 1.5}}
    folder = config.root / "state" / "uploads"
    assert Path(task.params["lecture"]) == folder / lecture / "1.txt"
    assert Path(task.params["presenter"]).name == "wang.mp4"
    assert teacher.get(f"/checks/{number}").get_json()["state"] == "running"


def test_result_has_localized_warnings_and_an_image(
    program: Programs, tasks: TaskStore, config: Config
) -> None:
    teacher = program("teacher")
    number = ask(teacher)
    assert tasks.claim(["preflight"]) is not None
    picture = config.root / "state" / "thumbnails" / "1.jpg"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"\xff\xd8\xff")
    warnings = [
        {"code": "file_truncated", "params": {"name": "wang.mp4"}},
        {"code": "of_a_later_version", "params": {}},
    ]
    result = {"face_found": True, "thumbnail": str(picture), "warnings": warnings}
    tasks.finish(number, result)
    answer = teacher.get(f"/checks/{number}").get_json()
    assert answer["state"] == "done"
    assert answer["result"] == {"face_found": True}
    assert answer["warnings"][0]["text"].startswith(
        "The file wang.mp4 is incomplete: its end is missing."
    )
    assert answer["warnings"][1]["text"] == "of_a_later_version"
    assert teacher.get(f"/checks/{number}/file").data == b"\xff\xd8\xff"
    assert str(config.root) not in teacher.get(f"/checks/{number}").text


def test_warnings_of_the_report_are_localized(program: Programs, tasks: TaskStore) -> None:
    teacher = program("teacher")
    number = ask(teacher)
    tasks.claim(["preflight"])
    warning = {"code": "presenter_turned", "params": {"degrees": "180"}}
    tasks.finish(number, {"face_found": True, "warnings": [warning]})
    (shown,) = teacher.get(f"/checks/{number}").get_json()["warnings"]
    assert shown["text"].endswith("the picture was turned by 180 degrees.")


def test_failure_is_localized(program: Programs, tasks: TaskStore) -> None:
    teacher = program("teacher")
    number = ask(teacher)
    tasks.claim(["preflight"])
    tasks.fail(number, Reason("file_empty", {"name": "wang.mp4"}))
    answer = teacher.get(f"/checks/{number}").get_json()
    assert answer["reason"]["text"] == "The file wang.mp4 is empty."
    assert teacher.get(f"/checks/{number}/file").status_code == 404


def test_other_users_and_other_kinds_are_unknown(program: Programs, tasks: TaskStore) -> None:
    number = ask(program("teacher"))
    assert program("other").get(f"/checks/{number}").status_code == 404
    assert program("admin").get(f"/checks/{number}/file").status_code == 404
    other = tasks.submit("doctor", {}, "teacher")
    assert program("teacher").get(f"/checks/{other}").status_code == 404


def test_file_outside_the_root_folder_is_not_sent(
    program: Programs, tasks: TaskStore, tmp_path: Path
) -> None:
    teacher = program("teacher")
    number = ask(teacher)
    tasks.claim(["preflight"])
    (tmp_path / "secret.jpg").write_text("secret")
    tasks.finish(number, {"thumbnail": str(tmp_path / "secret.jpg")})
    assert teacher.get(f"/checks/{number}/file").status_code == 404


@pytest.mark.parametrize("at_s", [-1, 1e9, "nan"])
def test_invalid_positions(program: Programs, at_s: object) -> None:
    teacher = program("teacher")
    material = {"upload": teacher.upload("wang.mp4")}
    body = {"presenter": material, "lecture": material, "at_s": at_s}
    assert teacher.post("/previews", body).status_code == 400
