"""Settings files that are meant to harm: each is a problem with a line, found quickly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from appliance.config import Config
from appliance.config_file import read_settings
from appliance.inbox.job_file import MAX_JOB_FILE_BYTES, read_job_file

SIZE = MAX_JOB_FILE_BYTES - 100


def nested(first: str, item: str, levels: int = 40) -> str:
    """Return lines in which each anchor refers nine times to the one before."""
    lines = [f"a0: &a0 {first}"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} " + item.format(", ".join([f"*a{level - 1}"] * 9)))
    return "\n".join([*lines, f"voice: *a{levels - 1}"])


BOMBS = {
    "merge keys": nested("{voice: x}", "{{<<: [{}]}}"),
    "billion laughs": nested("[x]", "[{}]"),
    "mappings": nested("{x: 1}", "{{x: [{}]}}"),
    "recursion": "voice: &a [*a, *a]",
    "sexagesimal integer": "face: " + ":".join(["1"] * (SIZE // 2)),
    "sexagesimal float": "speed: " + ":".join(["1"] * 400) + ".0",
    "decimal integer": "face: " + "9" * SIZE,
    "hexadecimal integer": "face: 0x" + "f" * SIZE,
    "long float": "speed: 0." + "9" * SIZE,
    "lists": "voice: " + "[" * SIZE,
    "sections": "voice: " + "{a: " * (SIZE // 4),
    "blocks": "voice:\n" + "\n".join(" " * depth + "a:" for depth in range(1, 400)),
}
TAGGED = [
    "!!int ''", "!!float ''", "!!bool x", "!!timestamp x", "!!binary x", "!!omap x", "!!set [1]",
    "!!pairs {a: 1}", "!!null x", "!!python/object/apply:os.system [id]", "!x y", "!<tag:x> y",
    "!!str x", "2001-99-99", "2001-02-30T99:00:00Z",
]  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_bomb_takes_little_time_and_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(BOMBS[name])
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from appliance.inbox.job_file import read_job_file\n"
        "before = resource.getrusage(resource.RUSAGE_SELF)\n"
        "_, (problem, *_) = read_job_file(Path(sys.argv[1]))\n"
        "after = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print(problem.error.code, after.ru_utime - before.ru_utime,"
        " (after.ru_maxrss - before.ru_maxrss) / 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    error, seconds, megabytes = done.stdout.split()
    assert error == "config_syntax"
    assert float(seconds) < 5 and float(megabytes) < 50


@pytest.mark.parametrize("value", TAGGED)
@pytest.mark.parametrize("line", ["voice: {}", "badge: [1, {}]", "? {}\n: 1", "voice: {{a: {}}}"])
def test_tag_or_impossible_value_is_a_problem_with_a_line(
    tmp_path: Path, line: str, value: str
) -> None:
    path = tmp_path / "job.yaml"
    path.write_text("face: 0\n" + line.format(value))
    _, problems = read_job_file(path)
    assert problems and {problem.line for problem in problems} == {2}


def test_alias_in_the_configuration_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("video: &v {crf: 20}\naudio: *v\n")
    values, (problem,) = read_settings(path, Config)
    assert values == {} and problem.line == 2 and "aliases" in problem.error.text()
