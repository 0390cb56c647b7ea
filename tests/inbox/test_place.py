"""A share that is away is told from somebody who tidies up."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.inbox.mounts import Mount
from appliance.inbox.place import Presence
from appliance.jobs.states import State
from tests.inbox.box import Box

SHARE = Mount(5, Path("/srv/inbox"), "cifs", "//school/box")
DISK = Mount(1, Path("/"), "ext4", "/dev/sda1")


@pytest.mark.parametrize("kept", [None, b"", b"{not json", b'"a word"'])
def test_the_first_time_anything_counts_as_home(tmp_path: Path, kept: bytes | None) -> None:
    if kept is not None:
        (tmp_path / "note").write_bytes(kept)
    assert Presence(tmp_path / "note").is_home(DISK, missing=True)


def test_a_share_that_comes_back_under_another_number_is_the_same(tmp_path: Path) -> None:
    assert Presence(tmp_path / "note").is_home(SHARE, missing=False)
    again = Mount(77, SHARE.path, SHARE.kind, SHARE.source)
    assert Presence(tmp_path / "note").is_home(again, missing=True)


def test_while_it_is_away_nothing_is_given_up_even_after_a_start(tmp_path: Path) -> None:
    share = f"2 1 0:40 / {tmp_path / 'inbox'} rw - cifs //school/box rw\n"
    box = Box(tmp_path, mounts=share)
    box.drop("lesson.mp4")
    (job,) = box.look(100)
    assert job.state is State.WAITING
    (box.folder / "lesson.mp4").rename(tmp_path / "on the share")
    box.mounts.write_text("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n")
    box.another_daemon()
    assert [each.state for each in box.look(100)] == [State.WAITING]
    box.mounts.write_text(box.mounts.read_text() + share)
    assert [each.state for each in box.look(100)] == [State.CANCELLED]


def test_on_another_disk_work_goes_on(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.drop("a.mp4")
    box.look()
    (box.folder / "a.mp4").unlink()
    box.mounts.write_text("9 0 8:2 / / rw - ext4 /dev/sdb1 rw\n")
    (box.library / "default.png").touch()
    box.drop("b.txt")
    waiting, new = box.look()
    assert (waiting.state, new.state) == (State.WAITING, State.QUEUED)
