"""The choice of target, Python and ONNX Runtime, and the checks of a bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from install.bundle import write_sums
from install.errors import InstallError
from install.python import find_python
from install.runtime import RuntimeSource, choose_runtime
from install.source import Source
from install.system import System
from install.target import TARGETS, detect_target, untested_os
from tests.install.conftest import make_bundle, make_checkout


def system(root: Path, **files: str) -> System:
    (root / "etc").mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (root / "etc" / name).write_text(text)
    return System(root)


class TestTarget:
    @pytest.mark.parametrize(
        ("release", "machine", "expected"),
        [
            ("# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic", "aarch64", "jp6"),
            ("# R39 (release), REVISION: 2.0", "aarch64", "jp7"),
            ("", "x86_64", "x86"),
            ("", "aarch64", "arm64"),
        ],
    )
    def test_target_is_detected(
        self, tmp_path: Path, release: str, machine: str, expected: str
    ) -> None:
        files = {"nv_tegra_release": release} if release else {}
        assert detect_target(system(tmp_path, **files), machine) is TARGETS[expected]

    @pytest.mark.parametrize(
        ("release", "machine", "match"),
        [
            ("# R35 (release), REVISION: 5.0", "aarch64", "JetPack 6 or 7"),
            ("nonsense", "aarch64", "nonsense"),
            ("", "riscv64", "riscv64"),
        ],
    )
    def test_unsupported_device_is_rejected(
        self, tmp_path: Path, release: str, machine: str, match: str
    ) -> None:
        files = {"nv_tegra_release": release} if release else {}
        with pytest.raises(InstallError, match=match):
            detect_target(system(tmp_path, **files), machine)

    def test_untested_system_is_named(self, tmp_path: Path) -> None:
        known = 'ID=ubuntu\nVERSION_ID="24.04"\nPRETTY_NAME="Ubuntu 24.04"\n'
        assert untested_os(system(tmp_path, **{"os-release": known})) == ""
        other = 'ID=fedora\nVERSION_ID=44\nPRETTY_NAME="Fedora Linux 44"\n'
        assert untested_os(system(tmp_path, **{"os-release": other})) == "Fedora Linux 44"


JETSON_WHEEL = "onnxruntime_gpu-1.23.0-cp310-cp310-linux_aarch64.whl"


class TestRuntime:
    def test_pc_uses_the_cpu_build(self) -> None:
        assert choose_runtime(TARGETS["x86"], None, "3.11") == RuntimeSource("cpu", "")

    def test_jetson_needs_an_explicit_choice(self) -> None:
        with pytest.raises(InstallError, match="--onnxruntime"):
            choose_runtime(TARGETS["jp6"], None, "3.10")
        assert choose_runtime(TARGETS["jp6"], "cpu", "3.10").kind == "cpu"

    def test_jetson_uses_the_named_wheel_or_index(self, tmp_path: Path) -> None:
        wheel = tmp_path / JETSON_WHEEL
        wheel.touch()
        assert choose_runtime(TARGETS["jp6"], str(wheel), "3.10") == RuntimeSource(
            "wheel", str(wheel)
        )
        index = "https://packages.example/jp6"
        assert choose_runtime(TARGETS["jp6"], index, "3.10") == RuntimeSource("index", index)

    @pytest.mark.parametrize(
        ("name", "match"),
        [
            (
                "onnxruntime_gpu-1.24.0-cp310-cp310-manylinux_2_28_aarch64.whl",
                "cannot run on a Jets",
            ),
            ("onnxruntime_gpu-1.23.0-cp312-cp312-linux_aarch64.whl", "does not fit"),
            ("onnxruntime_gpu-1.23.0-cp310-cp310-linux_x86_64.whl", "does not fit"),
            ("torch-2.0.0-cp310-cp310-linux_aarch64.whl", "not a wheel of ONNX"),
            ("wheel.zip", "neither a .whl"),
        ],
    )
    def test_unsuitable_wheel_is_rejected(self, name: str, match: str) -> None:
        with pytest.raises(InstallError, match=match):
            choose_runtime(TARGETS["jp6"], name, "3.10")

    def test_missing_wheel_is_rejected(self) -> None:
        with pytest.raises(InstallError, match="does not exist"):
            choose_runtime(TARGETS["jp6"], JETSON_WHEEL, "3.10")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from https://me:secret@host/simple/", "from https://host/simple/"),
        ("'pip install https://a@b:se@cret@host/x.whl' failed", "'pip install https://host/x.whl'"),
        ("https://host/simple/user@example", "https://host/simple/user@example"),
        ("Looking in http://token@host:3141, https://other", "Looking in http://host:3141, https"),
    ],
)
def test_passwords_in_addresses_are_removed(text: str, expected: str) -> None:
    assert str(InstallError(text, "")).startswith(expected)
    assert RuntimeSource("index", text).text.startswith(f"from {expected}")


def test_name_of_a_wheel_does_not_depend_on_its_folder() -> None:
    one, two = (RuntimeSource("wheel", f"/{folder}/{JETSON_WHEEL}") for folder in "ab")
    assert one.name == two.name != RuntimeSource("cpu", "").name


@pytest.mark.parametrize(
    ("runtime", "gpu", "cpu"),
    [("cpu", None, "cpu"), (JETSON_WHEEL, f"wheels/{JETSON_WHEEL}", None)],
)
def test_bundle_names_its_runtime(
    tmp_path: Path, runtime: str, gpu: str | None, cpu: str | None
) -> None:
    bundle = Source(tmp_path, "1.0.0", {"onnxruntime": runtime})
    assert bundle.gpu_wheel() == (gpu and str(tmp_path / gpu))
    assert bundle.cpu_runtime() == cpu
    assert Source(tmp_path, "1.0.0").cpu_runtime() is None


class TestPython:
    def find(self, outputs: dict[str, str], source: Source, named: str | None = None) -> str:
        def run(command: Sequence[str], environment: Mapping[str, str]) -> str:
            if command[0] not in outputs:
                raise InstallError("no such file", "")
            return outputs[command[0]]

        return find_python(System(Path("/"), run), source, named).path

    def test_system_python_is_preferred(self, tmp_path: Path) -> None:
        source = make_checkout(tmp_path)
        outputs = {
            "/usr/bin/python3": '["3.11", true]',
            "/usr/bin/python3.12": '["3.12", true]',
        }
        assert self.find(outputs, source) == "/usr/bin/python3"
        outputs["/usr/bin/python3"] = '["3.13", true]'
        assert self.find(outputs, source) == "/usr/bin/python3.12"

    def test_only_a_bundle_needs_no_pip(self, tmp_path: Path) -> None:
        outputs = {"/usr/bin/python3": '["3.11", false]'}
        with pytest.raises(InstallError, match=r"python3\.11-venv"):
            self.find(outputs, make_checkout(tmp_path))
        bundle = Source(tmp_path, "1.0.0", {"pythons": ["3.11"]})
        assert self.find(outputs, bundle) == "/usr/bin/python3"

    def test_bundle_for_other_pythons_is_rejected(self, tmp_path: Path) -> None:
        bundle = Source(tmp_path, "1.0.0", {"pythons": ["3.10"]})
        with pytest.raises(InstallError, match=r"No suitable Python \(3\.10\)"):
            self.find({"/usr/bin/python3": '["3.11", true]'}, bundle)


class TestSource:
    def test_identity_depends_on_the_content_only(self, tmp_path: Path) -> None:
        one, two = make_checkout(tmp_path / "1"), make_checkout(tmp_path / "2")
        assert one.identity("3.11", "cpu") == two.identity("3.11", "cpu")
        assert one.identity("3.11", "cpu") != one.identity("3.12", "cpu")
        before = one.identity("3.11", "cpu")
        (tmp_path / "1/appliance/__pycache__").mkdir()
        (tmp_path / "1/appliance/__pycache__/x.pyc").touch()
        assert one.identity("3.11", "cpu") == before
        (tmp_path / "1/appliance/x.py").write_text("changed")
        assert one.identity("3.11", "cpu") != before

    @pytest.mark.parametrize("content", [b"other", None])
    def test_bundle_with_a_damaged_file_is_rejected(
        self, tmp_path: Path, content: bytes | None
    ) -> None:
        make_bundle(tmp_path)
        (tmp_path / "wheel").write_bytes(b"right")
        write_sums(tmp_path)
        assert Source.open(tmp_path).is_bundle
        if content is None:
            (tmp_path / "wheel").unlink()
        else:
            (tmp_path / "wheel").write_bytes(content)
        with pytest.raises(InstallError, match="'wheel' in the bundle is missing or damaged"):
            Source.open(tmp_path)

    def test_bundle_that_names_files_outside_is_rejected(self, tmp_path: Path) -> None:
        make_bundle(tmp_path / "bundle")
        (tmp_path / "bundle/SHA256SUMS").write_text(f"{'0' * 64}  ../etc/passwd\n")
        with pytest.raises(InstallError, match="outside of it"):
            Source.open(tmp_path / "bundle")

    @pytest.mark.parametrize(
        "name", ["argparse.py", "wheels/evil-9-py3-none-any.whl", "install/__pycache__/plan.pyc"]
    )
    def test_bundle_with_an_additional_file_is_rejected(self, tmp_path: Path, name: str) -> None:
        make_bundle(tmp_path)
        write_sums(tmp_path)
        assert Source.open(tmp_path).is_bundle
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to("/dev/null")
        with pytest.raises(InstallError, match=f"'{name}' does not belong to the bundle"):
            Source.open(tmp_path)

    def test_other_folder_is_rejected(self, tmp_path: Path) -> None:
        with pytest.raises(InstallError, match="neither a checkout"):
            Source.open(tmp_path)
