"""Preflights and previews: asked of the daemon, and told to whoever asked."""

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
def errands(config: Config) -> Iterator[TaskStore]:
    """The daemon's side."""
    with TaskStore(store_path(config.root)) as errands:
        yield errands


def ask(teacher: Program, **more: object) -> int:
    body = {"presenter": {"upload": teacher.upload("wang.mp4")}, **more}
    answer = teacher.post("/preflights", body)
    assert answer.status_code == 202, answer.text
    number: int = answer.get_json()["id"]
    return number


def test_the_daemon_is_asked_with_paths_that_people_never_name(
    program: Programs, errands: TaskStore, config: Config
) -> None:
    teacher = program("teacher")
    lecture = teacher.upload("1.txt", b"words")
    number = ask(teacher, lecture={"upload": lecture}, options={"speed": 1.5})
    errand = errands.claim(["preflight"])
    assert errand is not None and errand.id == number and errand.owner == "teacher"
    assert errand.params["options"] == {"speech": {"speed": 1.5}}
    folder = config.root / "state" / "uploads"
    assert Path(errand.params["lecture"]) == folder / lecture / "1.txt"
    assert Path(errand.params["presenter"]).name == "wang.mp4"
    assert teacher.get(f"/checks/{number}").get_json()["state"] == "running"


def test_the_answer_in_words_with_its_picture(
    program: Programs, errands: TaskStore, config: Config
) -> None:
    teacher = program("teacher")
    number = ask(teacher)
    assert errands.claim(["preflight"]) is not None
    picture = config.root / "state" / "looks" / "1.jpg"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"\xff\xd8\xff")
    warnings = [
        {"code": "file_truncated", "params": {"name": "wang.mp4"}},
        {"code": "of_a_later_version", "params": {}},
    ]
    result = {"face_found": True, "thumbnail": str(picture), "warnings": warnings}
    errands.finish(number, result)
    told = teacher.get(f"/checks/{number}").get_json()
    assert told["state"] == "done"
    assert told["result"] == {"face_found": True}
    assert told["warnings"][0]["text"].startswith(
        "The file wang.mp4 is incomplete: its end is missing."
    )
    assert told["warnings"][1]["text"] == "of_a_later_version"
    assert teacher.get(f"/checks/{number}/file").data == b"\xff\xd8\xff"
    assert str(config.root) not in teacher.get(f"/checks/{number}").text


def test_a_refusal_in_words(program: Programs, errands: TaskStore) -> None:
    teacher = program("teacher")
    number = ask(teacher)
    errands.claim(["preflight"])
    errands.fail(number, Reason("file_empty", {"name": "wang.mp4"}))
    told = teacher.get(f"/checks/{number}").get_json()
    assert told["reason"]["text"] == "The file wang.mp4 is empty."
    assert teacher.get(f"/checks/{number}/file").status_code == 404


def test_nobody_elses_answers_and_no_other_errands(program: Programs, errands: TaskStore) -> None:
    number = ask(program("teacher"))
    assert program("other").get(f"/checks/{number}").status_code == 404
    assert program("admin").get(f"/checks/{number}/file").status_code == 404
    other = errands.submit("doctor", {}, "teacher")
    assert program("teacher").get(f"/checks/{other}").status_code == 404


def test_a_file_outside_of_the_box_is_not_given_out(
    program: Programs, errands: TaskStore, tmp_path: Path
) -> None:
    teacher = program("teacher")
    number = ask(teacher)
    errands.claim(["preflight"])
    (tmp_path / "secret.jpg").write_text("secret")
    errands.finish(number, {"thumbnail": str(tmp_path / "secret.jpg")})
    assert teacher.get(f"/checks/{number}/file").status_code == 404


@pytest.mark.parametrize("at_s", [-1, 1e9, "nan"])
def test_moments_that_are_none(program: Programs, at_s: object) -> None:
    teacher = program("teacher")
    material = {"upload": teacher.upload("wang.mp4")}
    body = {"presenter": material, "lecture": material, "at_s": at_s}
    assert teacher.post("/previews", body).status_code == 400
