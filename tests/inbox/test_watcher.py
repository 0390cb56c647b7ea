"""Events where the kernel gives them, polling where it does not, chosen anew when that changes."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.config import InboxConfig
from appliance.inbox import watcher
from appliance.inbox.watcher import FolderWatcher, InotifyListener
from tests.inbox.box import Clock

LOCAL = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"


def wait_for(condition: Callable[[], bool]) -> None:
    """The kernel's events come from another thread, within milliseconds."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.005)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def watch(tmp_path: Path, inbox: Path) -> Iterator[Callable[..., FolderWatcher]]:
    made = []

    def make(
        mounts: str = LOCAL, clock: Clock | None = None, **inbox_settings: object
    ) -> FolderWatcher:
        (tmp_path / "mounts").write_text(mounts)
        settings = InboxConfig.model_validate(inbox_settings)
        made.append(FolderWatcher((inbox,), settings, tmp_path / "mounts", clock or Clock()))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_nothing_is_looked_at_until_something_happens(
    watch: Callable[..., FolderWatcher], inbox: Path
) -> None:
    watched = watch()
    assert watched.is_due(busy=False)  # the first look
    watched.take_events()
    assert not watched.is_polling and not watched.events_unreliable
    assert not watched.is_due(busy=False)
    (inbox / "a.txt").write_text("x")
    wait_for(lambda: watched.is_due(busy=False))
    wait_for(lambda: watched.is_due(busy=False) and watched._changed.get(inbox / "a.txt", False))
    assert watched.take_events() == {inbox / "a.txt": True}
    assert not watched.is_due(busy=False)
    assert watched.is_due(busy=True)


def test_our_own_reading_is_no_event(watch: Callable[..., FolderWatcher], inbox: Path) -> None:
    (inbox / "a.txt").write_text("x")
    watched = watch()
    assert watched.is_due(busy=False)
    watched.take_events()
    (inbox / "a.txt").read_text()
    (inbox / "b.txt").write_text("x")  # comes after the reading
    wait_for(lambda: watched.is_due(busy=False))
    wait_for(lambda: inbox / "b.txt" in watched._changed)
    assert inbox / "a.txt" not in watched.take_events()


def test_what_happens_in_a_new_folder_is_heard(
    watch: Callable[..., FolderWatcher], inbox: Path
) -> None:
    watched = watch()
    watched.is_due(busy=False)
    watched.take_events()
    (inbox / "week 3").mkdir()
    wait_for(lambda: watched.is_due(busy=False))
    watched.take_events()
    (inbox / "week 3" / "课.wav").write_bytes(b"x")
    wait_for(lambda: watched.is_due(busy=False))


def test_a_look_is_taken_now_and_then_although_nothing_was_heard(
    watch: Callable[..., FolderWatcher],
) -> None:
    clock = Clock()
    watched = watch(clock=clock, rescan_interval_s=300)
    watched.is_due(busy=False)
    watched.take_events()
    clock.time += 299
    assert not watched.is_due(busy=False)
    clock.time += 1
    assert watched.is_due(busy=False)


@pytest.mark.parametrize("kind", ["cifs", "nfs4", "fuse.sshfs", "9p"])
def test_a_share_is_polled(watch: Callable[..., FolderWatcher], inbox: Path, kind: str) -> None:
    watched = watch(f"{LOCAL}2 1 0:40 / {inbox} rw - {kind} //school/box rw\n")
    for _ in range(3):
        assert watched.is_due(busy=False)
        watched.take_events()
    assert watched.is_polling and watched.events_unreliable


def test_a_share_mounted_later_is_noticed_and_so_is_its_end(
    watch: Callable[..., FolderWatcher], inbox: Path, tmp_path: Path
) -> None:
    watched = watch()
    watched.is_due(busy=False)
    watched.take_events()
    modes = [watched.is_polling]
    (tmp_path / "mounts").write_text(f"{LOCAL}2 1 0:40 / {inbox} rw - cifs //school/box rw\n")
    assert watched.is_due(busy=False)
    modes.append(watched.is_polling)
    watched.take_events()
    (tmp_path / "mounts").write_text(LOCAL)
    assert watched.is_due(busy=False)
    assert [*modes, watched.is_polling] == [False, True, False]


def test_a_folder_made_anew_is_watched_anew(
    watch: Callable[..., FolderWatcher], inbox: Path
) -> None:
    watched = watch()
    watched.is_due(busy=False)
    watched.take_events()
    os.rename(inbox, inbox.with_name("old"))
    with pytest.raises(FileNotFoundError):
        watched.is_due(busy=False)
    inbox.mkdir()
    assert watched.is_due(busy=False)
    watched.take_events()
    (inbox / "a.txt").write_text("x")
    wait_for(lambda: watched.is_due(busy=False))


def test_a_kernel_without_watches_left_is_no_end(
    watch: Callable[..., FolderWatcher],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def none_left(*_: object) -> InotifyListener:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(watcher, "InotifyListener", none_left)
    watched = watch()
    with caplog.at_level(logging.WARNING):
        assert watched.is_due(busy=False)
    assert watched.is_polling and not watched.events_unreliable
    assert "inotify watch limit" in caplog.text


def test_polling_can_be_asked_for(watch: Callable[..., FolderWatcher]) -> None:
    watched = watch(watch="polling")
    watched.is_due(busy=False)
    watched.take_events()
    assert watched.is_polling and not watched.events_unreliable and watched.is_due(busy=False)
