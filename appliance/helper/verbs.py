"""The actions of the helper: the five requests, and the import from a new USB drive."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from appliance.errors import BadInput, LecternError
from appliance.helper.account import Account, as_user
from appliance.helper.carry import FOLDER, RESULTS, Taken, bring, find_folder, hand_out, material
from appliance.helper.sticks import (
    Run,
    Stick,
    find_stick,
    find_sticks,
    mounted,
    mounts_elsewhere,
    own_devices,
    run_command,
)

Result = dict[str, Any]
STATES = Path("/run/lectern/usb")


@dataclass(frozen=True)
class Helper:
    """The actions of the helper for the root folder ``root``, run as the user ``account``.

    ``states`` is the folder with a status file for each USB drive. The other fields are replaced by
    tests.
    """

    root: Path
    account: Account
    states: Path = STATES
    run: Run = run_command
    mount_table: Path = Path("/proc/1/mountinfo")
    now: Callable[[], float] = time.time

    def answer(self, request: Mapping[str, Any]) -> Result:
        """Handle the request ``request["ask"]`` and return its result.

        Raises ``BadInput("helper_unknown")`` for an unknown request, and the errors of the action.
        """
        verbs: dict[object, Callable[[], Result]] = {
            "usb_list": self.list_sticks,
            "usb_import": lambda: self.bring_in(self._stick(request), only_folder=False),
            "usb_export": lambda: self.take_out(self._stick(request)),
            "usb_eject": lambda: self.eject(self._stick(request)),
            "power_off": self.power_off,
        }
        verb = verbs.get(request.get("ask"))
        if verb is None:
            raise BadInput("helper_unknown", name=str(request.get("ask")))
        return verb()

    def list_sticks(self) -> Result:
        """Return the USB drives: ``{"sticks": [{device, label, kind, size_mb, state}]}``.

        ``state`` is ``safe`` (to remove), ``copying``, ``failed`` or ``new``.
        """
        return {
            "sticks": [
                {
                    "device": stick.device,
                    "label": stick.label,
                    "kind": stick.kind,
                    "size_mb": round(stick.size_mb),
                    "state": self._state(stick),
                }
                for stick in find_sticks(self.run, self._own())
            ]
        }

    def bring_in(self, stick: Stick, *, only_folder: bool) -> Result:
        """Copy the media files of ``stick`` into the inbox; return ``{"files": number}``."""
        with self._telling(stick):
            return self._bring_in(stick, only_folder=only_folder)

    def take_out(self, stick: Stick) -> Result:
        """Copy the finished videos onto ``stick``; return ``{"files": number, "left_out": names}``.

        ``left_out`` are the names of the files that are too large for its file system.
        """
        with self._telling(stick):
            return self._take_out(stick)

    def eject(self, stick: Stick) -> Result:
        """Check that ``stick`` is not in use, sync it and report it as safe to remove.

        Raises ``BadInput("usb_busy")`` if it is being copied or mounted elsewhere.
        """
        if self._state(stick) == "copying" or mounts_elsewhere(stick, self._mounts()):
            raise BadInput("usb_busy", device=stick.label or stick.device)
        self.run(["sync"])
        self._tell(stick, "safe")
        return {}

    def power_off(self) -> Result:
        """Power the device off; systemd stops the services first, which keep their progress."""
        self.run(["systemctl", "poweroff", "--no-block"])
        return {}

    def arrived(self, device: str) -> Result:
        """Import the files in the folder ``lectern`` of a USB drive that was plugged in.

        If that folder has a subfolder ``results``, the finished videos are copied into it.
        """
        stick = find_stick(device, self.run, self._own())
        with self._telling(stick):  # report it as safe to remove only after both steps
            result = self._bring_in(stick, only_folder=True)
            if result.pop("wants_results"):
                result["results"] = self._take_out(stick)["files"]
        return result

    def _bring_in(self, stick: Stick, *, only_folder: bool) -> Result:
        owner = (self.account.uid, self.account.gid)
        with mounted(stick, owner, run=self.run) as top:
            return as_user(self.account, partial(self._bring, top, stick.uuid, only_folder))

    def _take_out(self, stick: Stick) -> Result:
        owner = (self.account.uid, self.account.gid)
        with mounted(stick, owner, writable=True, run=self.run) as top:
            return as_user(self.account, partial(self._hand_out, top))

    def _bring(self, top: Path, stick: str, only_folder: bool) -> Result:
        inbox, taken = self.root / "inbox", Taken(self.root / "state" / "usb-taken.tsv")
        names = bring(material(top, only_folder=only_folder), stick, inbox, taken)
        said: Result = {"files": len(names)}
        if only_folder:
            folder = find_folder(top, FOLDER)
            said["wants_results"] = folder is not None and find_folder(folder, RESULTS) is not None
        return said

    def _hand_out(self, top: Path) -> Result:
        folder = find_folder(top, FOLDER) or top / FOLDER
        folder.mkdir(exist_ok=True)
        target = find_folder(folder, RESULTS) or folder / RESULTS
        copied, left_out = hand_out(self.root / "outbox", target)
        return {"files": len(copied), "left_out": left_out}

    def _stick(self, request: Mapping[str, Any]) -> Stick:
        return find_stick(str(request.get("device", "")), self.run, self._own())

    def _own(self) -> set[str]:
        return own_devices(self.root, self._mounts())

    def _mounts(self) -> str:
        return self.mount_table.read_text(encoding="utf-8", errors="surrogateescape")

    def _state(self, stick: Stick) -> str:
        try:
            state = json.loads((self.states / f"{stick.device}.json").read_bytes())
            return str(state["state"]) if state["uuid"] == stick.uuid else "new"
        except (OSError, ValueError, KeyError):
            return "new"

    def _tell(self, stick: Stick, state: str, reason: str = "") -> None:
        self.states.mkdir(parents=True, exist_ok=True)
        facts = {"state": state, "uuid": stick.uuid, "at": self.now(), "reason": reason}
        part = self.states / f".{stick.device}.part"
        part.write_text(json.dumps(facts), encoding="utf-8")
        part.replace(self.states / f"{stick.device}.json")

    def _telling(self, stick: Stick) -> _Telling:
        return _Telling(self, stick)


class _Telling:
    """Context manager that keeps the status file of a USB drive up to date.

    The state is ``copying`` inside the block, and ``safe`` or ``failed`` with a reason after it.
    """

    def __init__(self, helper: Helper, stick: Stick) -> None:
        self._helper, self._stick = helper, stick

    def __enter__(self) -> None:
        self._helper._tell(self._stick, "copying")

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        code = error.code if isinstance(error, LecternError) else type(error).__name__
        state, reason = ("safe", "") if error is None else ("failed", code)
        self._helper._tell(self._stick, state, reason)
