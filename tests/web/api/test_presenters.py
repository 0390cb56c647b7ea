"""The presenter library and its thumbnails."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.config import Config
from appliance.files.thumbnail_cache import ThumbnailCache
from appliance.jobs.models import NewJob
from appliance.jobs.store import JobStore
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
