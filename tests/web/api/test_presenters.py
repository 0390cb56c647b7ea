"""The presenter library and its thumbnails."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.config import Config
from appliance.files.thumbnail_cache import ThumbnailCache
from appliance.jobs.models import NewJob
from appliance.jobs.store import JobStore, store_path
from appliance.jobs.tasks import TaskStore
from appliance.messages.enrolment import OUTCOMES, SHAPES
from tests.web.api.conftest import Programs


@pytest.fixture
def library(config: Config) -> Path:
    """A library with one presenter, and files that are not presenters."""
    folder = config.root / "presenters"
    folder.mkdir(parents=True)
    (folder / "Wang Li.mp4").write_bytes(b"video")
    (folder / "notes.txt").write_text("no presenter")
    (folder / ".hidden.mp4").write_bytes(b"")
    (folder / "folder.mp4").mkdir()
    return folder


def names(program: Programs) -> list[str]:
    found = program("viewer").get("/presenters").get_json()["presenters"]
    return [one["name"] for one in found]


def test_library_is_listed(program: Programs, library: Path) -> None:
    assert names(program) == ["Wang Li"]


def test_upload_is_added_under_its_own_or_a_new_name(program: Programs, library: Path) -> None:
    teacher = program("teacher")
    assert teacher.post("/presenters", {"upload": teacher.upload("Zhou.jpg")}).status_code == 200
    named = teacher.post("/presenters", {"upload": teacher.upload("x.mp4"), "name": "../../Ann"})
    assert named.get_json()["file"] == "Ann.mp4"
    assert names(program) == ["Ann", "Wang Li", "Zhou"]
    assert teacher.get("/uploads").get_json() == {"uploads": []}
    assert {path.name for path in library.parent.iterdir()} >= {"presenters"}
    assert not (library.parent.parent / "Ann.mp4").exists()


@pytest.mark.parametrize(
    ("file", "name", "code"),
    [
        ("wang li.jpg", None, "presenter_exists"),
        ("a.wav", None, "presenter_type_unsupported"),
        ("a.mp4", "WANG LI", "presenter_exists"),
        ("a.mp4", "...", "file_type_unsupported"),
        ("a.mp4", "/", "file_type_unsupported"),
    ],
)
def test_upload_that_cannot_be_added(
    program: Programs, library: Path, file: str, name: str | None, code: str
) -> None:
    teacher = program("teacher")
    body = {"upload": teacher.upload(file), **({"name": name} if name else {})}
    assert teacher.post("/presenters", body).get_json()["code"] == code
    assert names(program) == ["Wang Li"]


def test_only_administrators_delete_unused_presenters(
    program: Programs, library: Path, store: JobStore
) -> None:
    assert program("teacher").delete("/presenters/Wang Li").status_code == 403
    job = store.add(NewJob("a", library / "Wang Li.mp4", Path("a.wav"), owner="teacher"))
    admin = program("admin")
    assert admin.delete("/presenters/Wang Li").get_json()["code"] == "file_in_use"
    store.cancel(job.id)
    assert admin.delete("/presenters/wang li").status_code == 204
    assert admin.delete("/presenters/Wang Li").status_code == 404
    for name in ("notes", "..", "%2e%2e%2fstate", "folder"):
        assert admin.delete(f"/presenters/{name}").status_code == 404


def test_thumbnail_belongs_to_one_file(
    program: Programs, library: Path, config: Config, tmp_path: Path
) -> None:
    presenter, picture = library / "Wang Li.mp4", tmp_path / "picture.jpg"
    picture.write_bytes(b"\xff\xd8\xff")
    viewer = program("viewer")
    awaited = viewer.get("/presenters/Wang Li/thumbnail")
    assert (awaited.status_code, awaited.get_json()["code"]) == (404, "thumbnail_pending")
    ThumbnailCache(config.root).put(presenter, picture)
    presenter.rename(library / "Moved.mp4")
    found = viewer.get("/presenters/Moved/thumbnail")
    assert (found.data, found.mimetype) == (b"\xff\xd8\xff", "image/jpeg")
    (library / "Moved.mp4").write_bytes(b"another video")
    assert viewer.get("/presenters/Moved/thumbnail").status_code == 404


class TestRecording:
    def test_upload_is_stored_replaced_and_deleted(
        self, program: Programs, library: Path, store: JobStore
    ) -> None:
        teacher = program("teacher")
        for name, data in (("a.mov", b"one"), ("b.MP4", b"two")):
            body = {"upload": teacher.upload(name, data)}
            assert teacher.post("/presenters/wang li/recording", body).status_code == 200
            (stored,) = (library / "learning").iterdir()
            assert stored.stem == "Wang Li" and stored.read_bytes() == data
        assert teacher.get("/uploads").get_json() == {"uploads": []}
        assert names(program) == ["Wang Li"]  # a recording is no presenter
        assert teacher.delete("/presenters/Wang Li/recording").status_code == 204
        assert teacher.delete("/presenters/Wang Li/recording").status_code == 204
        assert list((library / "learning").iterdir()) == []

    def test_it_is_deleted_with_the_presenter(self, program: Programs, library: Path) -> None:
        teacher, admin = program("teacher"), program("admin")
        body = {"upload": teacher.upload("a.mp4")}
        assert teacher.post("/presenters/Wang Li/recording", body).status_code == 200
        assert admin.delete("/presenters/Wang Li").status_code == 204
        assert list((library / "learning").iterdir()) == []

    @pytest.mark.parametrize(
        ("presenter", "file", "code"),
        [
            ("Wang Li", "a.jpg", "recording_type_unsupported"),
            ("Wang Li", "a.wav", "recording_type_unsupported"),
            ("nobody", "a.mp4", "presenter_unknown"),
            ("..", "a.mp4", "presenter_unknown"),
        ],
    )
    def test_upload_that_cannot_be_stored(
        self, program: Programs, library: Path, presenter: str, file: str, code: str
    ) -> None:
        teacher = program("teacher")
        body = {"upload": teacher.upload(file)}
        answer = teacher.post(f"/presenters/{presenter}/recording", body)
        assert answer.get_json()["code"] == code
        assert not (library / "learning").exists()
        assert len(teacher.get("/uploads").get_json()["uploads"]) == 1

    def test_viewers_store_nothing(self, program: Programs, library: Path) -> None:
        body = {"upload": program("teacher").upload("a.mp4")}
        viewer = program("viewer")
        assert viewer.post("/presenters/Wang Li/recording", body).status_code == 403
        assert viewer.delete("/presenters/Wang Li/recording").status_code == 403
        assert viewer.post("/presenters/Wang Li/enrolment", {}).status_code == 403


class TestEnrolment:
    @pytest.mark.parametrize("learn", [False, True])
    def test_task_names_the_presenter(
        self, program: Programs, library: Path, config: Config, learn: bool
    ) -> None:
        teacher = program("teacher")
        answer = teacher.post("/presenters/wang li/enrolment", {"learn": learn})
        assert answer.status_code == 202
        with TaskStore(store_path(config.root)) as tasks:
            task = tasks.claim(["enrolment"])
        assert task is not None and task.id == answer.get_json()["id"]
        assert task.params == {"presenter": str(library / "Wang Li.mp4"), "learn": learn}
        assert teacher.post("/presenters/nobody/enrolment", {}).status_code == 404

    def test_result_is_shown_in_words(
        self, program: Programs, library: Path, config: Config
    ) -> None:
        teacher = program("teacher")
        number = teacher.post("/presenters/Wang Li/enrolment", {}).get_json()["id"]
        result = {
            "mode": "learned",
            "enabled": True,
            "recording": True,
            "offset_ms": 240,
            "speech_s": 33.6,
            "cv_gain": 0.098,
            "missing": ["oh", "of a later version"],
        }
        with TaskStore(store_path(config.root)) as tasks:
            assert tasks.claim(["enrolment"]) is not None
            tasks.finish(number, result)
        shown = teacher.get(f"/checks/{number}").get_json()
        assert shown["file"] is None and shown["result"]["speech_s"] == 33.6
        assert shown["result"]["outcome"] == OUTCOMES["learned"]["en"]
        assert shown["result"]["facts"] == [
            "Learned from the recording",
            "34 s of speech",
            "Follows speech better by 10 points of 100",
            "Sound comes 240 ms after the picture; this is taken into account",
        ]
        assert shown["result"]["advice"] == [SHAPES["oh"]["en"]]
        chinese = teacher.get(f"/checks/{number}", headers={"Accept-Language": "zh"}).get_json()
        assert chinese["result"]["outcome"] == OUTCOMES["learned"]["zh"]
        assert "比画面晚 240 毫秒" in chinese["result"]["facts"][3]
        assert teacher.get(f"/checks/{number}/file").status_code == 404

    def test_nothing_learned_yet(self, program: Programs, library: Path, config: Config) -> None:
        teacher = program("teacher")
        number = teacher.post("/presenters/Wang Li/enrolment", {}).get_json()["id"]
        with TaskStore(store_path(config.root)) as tasks:
            assert tasks.claim(["enrolment"]) is not None
            tasks.finish(number, {"mode": None, "missing": []})
        shown = teacher.get(f"/checks/{number}").get_json()["result"]
        assert shown["outcome"] == OUTCOMES["unknown"]["en"]
        assert shown["facts"] == shown["advice"] == []
