"""Tables as CSV and, if matplotlib is installed, as plots."""

from __future__ import annotations

import csv
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Rows = list[dict[str, Any]]


def write_csv(path: Path, rows: Rows) -> None:
    """Write ``rows`` below a comment that names the machine."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(f"# {platform.machine()}, {os.cpu_count()} cores, {platform.system()}\n")
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def add_csv(path: Path, rows: Rows, keys: tuple[str, ...]) -> Rows:
    """Add ``rows`` to those of earlier runs; rows with equal ``keys`` are replaced.

    Returns all rows in order of first appearance, with numbers parsed.
    """
    merged: dict[tuple[str, ...], dict[str, Any]] = {}
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            file.readline()
            for row in csv.DictReader(file):
                merged[tuple(row[key] for key in keys)] = {k: _value(v) for k, v in row.items()}
    merged |= {tuple(str(row[key]) for key in keys): row for row in rows}
    write_csv(path, list(merged.values()))
    return list(merged.values())


def _value(text: str) -> str | float:
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text


def plot_ratios(path: Path, rows: Rows) -> None:
    """Plot two bars with their ranges per case, and a line for the bare transcode."""
    with _axes(path) as axes:
        for k, (name, label) in enumerate(
            (("uncached", "new presenter"), ("cached", "presenter cached"))
        ):
            middle = [row[f"{name}_median"] for row in rows]
            low = [row[f"{name}_median"] - row[f"{name}_low"] for row in rows]
            high = [row[f"{name}_high"] - row[f"{name}_median"] for row in rows]
            positions = [i + (k - 0.5) * 0.38 for i in range(len(rows))]
            axes.bar(positions, middle, 0.36, yerr=[low, high], capsize=3, label=label)
        axes.axhline(1, color="black", linewidth=0.8)
        axes.set_xticks(range(len(rows)), [row["case"].replace("-", "\n") + " fps" for row in rows])
        axes.set_ylabel("wall time / bare transcode")
        axes.legend()


def plot_lines(
    path: Path, rows: Rows, series: str, keys: tuple[str, str], across: str, up: str
) -> None:
    """Plot a line per value of the column ``series``, with logarithmic axes."""
    with _axes(path) as axes:
        for name in dict.fromkeys(row[series] for row in rows):
            selected = [row for row in rows if row[series] == name]
            axes.plot(
                [r[keys[0]] for r in selected],
                [r[keys[1]] for r in selected],
                marker="o",
                label=name,
            )
        axes.set(xscale="log", yscale="log", xlabel=across, ylabel=up)
        ticks = sorted({row[keys[0]] for row in rows})
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
        axes.figure.legend(loc="outside right upper")


def plot_bars(path: Path, rows: Rows, name: str, value: str, label: str) -> None:
    """Plot a horizontal bar per row, the first at the top."""
    with _axes(path) as axes:
        axes.barh([row[name] for row in rows], [row[value] for row in rows])
        axes.invert_yaxis()
        axes.set_xlabel(label)


@contextmanager
def _axes(path: Path) -> Iterator[Any]:
    """Yield axes that are saved to ``path``, or dummy axes without matplotlib."""
    try:
        import matplotlib
    except ImportError:
        print("matplotlib is not installed: no plot")
        yield _NoAxes()
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4), layout="constrained")
    yield axes
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


class _NoAxes:
    """Axes that ignore every call."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **options: None
