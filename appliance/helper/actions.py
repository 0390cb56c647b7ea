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
from appliance.files.atomic import write_text
from appliance.helper.service_user import ServiceUser, run_as_user
from appliance.helper.usb_copy import (
    IMPORT_FOLDER,
    RESULTS_FOLDER,
    ImportLog,
    export_results,
    find_folder,
    find_media_files,
    import_files,
)
from appliance.helper.usb_drives import (
    CommandRunner,
    UsbDrive,
    find_drive,
    find_drives,
    mounted,
    other_mount_points,
    run_command,
    system_devices,
)

Result = dict[str, Any]
STATUS_FOLDER = Path("/run/lectern/usb")
IMPORT_LOG = "usb-imported.tsv"


@dataclass(frozen=True)
class UsbHelper:
    """The actions of the helper for the root folder ``root``, run as the user ``account``.

    ``status_folder`` is the folder with a status file for each USB drive. The other fields are
    replaced by tests.
    """

    root: Path
    account: ServiceUser
    status_folder: Path = STATUS_FOLDER
    run: CommandRunner = run_command
    mount_table: Path = Path("/proc/1/mountinfo")
    now: Callable[[], float] = time.time

    def handle(self, request: Mapping[str, Any]) -> Result:
        """Handle the request ``request["action"]`` and return its result.

        Raises ``BadInput("helper_request_unknown")`` for an unknown request, and the errors of the
        action.
        """
        actions: dict[object, Callable[[], Result]] = {
            "usb_list": self.list_drives,
            "usb_import": lambda: self.import_from(
                self._requested_drive(request), only_folder=False
            ),
            "usb_export": lambda: self.export_to(self._requested_drive(request)),
            "usb_eject": lambda: self.eject(self._requested_drive(request)),
            "power_off": self.power_off,
        }
        action = actions.get(request.get("action"))
        if action is None:
            raise BadInput("helper_request_unknown", name=str(request.get("action")))
        return action()

    def list_drives(self) -> Result:
        """Return the USB drives: ``{"drives": [{device, label, filesystem, …}]}``.

        The other keys are ``size_mb`` and ``state``, which is ``safe`` (to remove), ``copying``,
        ``failed`` or ``new``.
        """
        return {
            "drives": [
                {
                    "device": drive.device,
                    "label": drive.label,
                    "filesystem": drive.fs_type,
                    "size_mb": round(drive.size_mb),
                    "state": self._read_status(drive),
                }
                for drive in find_drives(self.run, self._system_devices())
            ]
        }

    def import_from(self, drive: UsbDrive, *, only_folder: bool) -> Result:
        """Copy the media files of ``drive`` into the inbox; return ``{"files": number}``."""
        with self._status_shown(drive):
            return self._import_from(drive, only_folder=only_folder)

    def export_to(self, drive: UsbDrive) -> Result:
        """Copy the finished videos onto ``drive``; return ``{"files": number, "skipped": names}``.

        ``skipped`` are the names of the files that are too large for its file system.
        """
        with self._status_shown(drive):
            return self._export_to(drive)

    def eject(self, drive: UsbDrive) -> Result:
        """Check that ``drive`` is not in use, sync it and mark it as safe to remove.

        Raises ``BadInput("usb_busy")`` if it is being copied or mounted elsewhere.
        """
        if self._read_status(drive) == "copying" or other_mount_points(
            drive, self._read_mountinfo()
        ):
            raise BadInput("usb_busy", device=drive.label or drive.device)
        self.run(["sync"])
        self._write_status(drive, "safe")
        return {}

    def power_off(self) -> Result:
        """Power the device off; systemd stops the services first, which keep their progress."""
        self.run(["systemctl", "poweroff", "--no-block"])
        return {}

    def on_plugged_in(self, device: str) -> Result:
        """Import the files in the folder ``lectern`` of a USB drive that was plugged in.

        If that folder has a subfolder ``results``, the finished videos are copied into it.
        """
        drive = find_drive(device, self.run, self._system_devices())
        with self._status_shown(drive):  # marked as safe to remove only after both steps
            result = self._import_from(drive, only_folder=True)
            if result.pop("wants_results"):
                result["results"] = self._export_to(drive)["files"]
        return result

    def _import_from(self, drive: UsbDrive, *, only_folder: bool) -> Result:
        owner = (self.account.uid, self.account.gid)
        with mounted(drive, owner, run=self.run) as top:
            return run_as_user(
                self.account, partial(self._import_files, top, drive.uuid, only_folder)
            )

    def _export_to(self, drive: UsbDrive) -> Result:
        owner = (self.account.uid, self.account.gid)
        with mounted(drive, owner, writable=True, run=self.run) as top:
            return run_as_user(self.account, partial(self._export_results, top))

    def _import_files(self, top: Path, drive_id: str, only_folder: bool) -> Result:
        inbox, import_log = self.root / "inbox", ImportLog(self.root / "state" / IMPORT_LOG)
        files = find_media_files(top, only_folder=only_folder)
        names = import_files(files, drive_id, inbox, import_log)
        result: Result = {"files": len(names)}
        if only_folder:
            folder = find_folder(top, IMPORT_FOLDER)
            result["wants_results"] = (
                folder is not None and find_folder(folder, RESULTS_FOLDER) is not None
            )
        return result

    def _export_results(self, top: Path) -> Result:
        folder = find_folder(top, IMPORT_FOLDER) or top / IMPORT_FOLDER
        if folder.is_symlink():  # it may lead off the drive
            raise BadInput("file_not_regular", name=folder.name)
        folder.mkdir(exist_ok=True)
        target = find_folder(folder, RESULTS_FOLDER) or folder / RESULTS_FOLDER
        copied, skipped = export_results(self.root / "outbox", target)
        return {"files": len(copied), "skipped": skipped}

    def _requested_drive(self, request: Mapping[str, Any]) -> UsbDrive:
        return find_drive(str(request.get("device", "")), self.run, self._system_devices())

    def _system_devices(self) -> set[str]:
        return system_devices(self.root, self._read_mountinfo())

    def _read_mountinfo(self) -> str:
        return self.mount_table.read_text(encoding="utf-8", errors="surrogateescape")

    def _read_status(self, drive: UsbDrive) -> str:
        try:
            status = json.loads((self.status_folder / f"{drive.device}.json").read_bytes())
            return str(status["state"]) if status["uuid"] == drive.uuid else "new"
        except (OSError, ValueError, KeyError):
            return "new"

    def _write_status(self, drive: UsbDrive, state: str, reason: str = "") -> None:
        self.status_folder.mkdir(parents=True, exist_ok=True)
        status = {"state": state, "uuid": drive.uuid, "at": self.now(), "reason": reason}
        write_text(self.status_folder / f"{drive.device}.json", json.dumps(status))

    def _status_shown(self, drive: UsbDrive) -> _StatusFile:
        return _StatusFile(self, drive)


class _StatusFile:
    """Context manager that keeps the status file of a USB drive up to date.

    The state is ``copying`` inside the block, and ``safe`` or ``failed`` with a reason after it.
    """

    def __init__(self, helper: UsbHelper, drive: UsbDrive) -> None:
        self._helper, self._drive = helper, drive

    def __enter__(self) -> None:
        self._helper._write_status(self._drive, "copying")

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        code = error.code if isinstance(error, LecternError) else type(error).__name__
        state, reason = ("safe", "") if error is None else ("failed", code)
        self._helper._write_status(self._drive, state, reason)
