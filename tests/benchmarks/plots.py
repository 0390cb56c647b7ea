"""Tables as CSV, and as plots where matplotlib is installed."""

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
    """The rows, below a line that says what they were measured on."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(f"# {platform.machine()}, {os.cpu_count()} cores, {platform.system()}\n")
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def add_csv(path: Path, rows: Rows, keys: tuple[str, ...]) -> Rows:
    """Write the rows beside those of earlier runs, which they replace where ``keys`` are equal.

    Gives all of them, numbers as numbers, in the order in which they first came.
    """
    held: dict[tuple[str, ...], dict[str, Any]] = {}
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            file.readline()
            for row in csv.DictReader(file):
                held[tuple(row[key] for key in keys)] = {k: _value(v) for k, v in row.items()}
    held |= {tuple(str(row[key]) for key in keys): row for row in rows}
    write_csv(path, list(held.values()))
    return list(held.values())


def _value(text: str) -> str | float:
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text


def plot_ratios(path: Path, rows: Rows) -> None:
    """A pair of bars a case, with their ranges, over the bare transcode's line."""
    with _axes(path) as axes:
        for k, (name, label) in enumerate((("first", "first time"), ("again", "presenter known"))):
            middle = [row[f"{name}_median"] for row in rows]
            low = [row[f"{name}_median"] - row[f"{name}_low"] for row in rows]
            high = [row[f"{name}_high"] - row[f"{name}_median"] for row in rows]
            places = [i + (k - 0.5) * 0.38 for i in range(len(rows))]
            axes.bar(places, middle, 0.36, yerr=[low, high], capsize=3, label=label)
        axes.axhline(1, color="black", linewidth=0.8)
        axes.set_xticks(range(len(rows)), [row["case"].replace("-", "\n") + " fps" for row in rows])
        axes.set_ylabel("clock time / bare transcode")
        axes.legend()


def plot_lines(
    path: Path, rows: Rows, series: str, keys: tuple[str, str], across: str, up: str
) -> None:
    """A line for each value of ``series`` in the ``rows``, both axes by powers."""
    with _axes(path) as axes:
        for name in dict.fromkeys(row[series] for row in rows):
            own = [row for row in rows if row[series] == name]
            axes.plot([r[keys[0]] for r in own], [r[keys[1]] for r in own], marker="o", label=name)
        axes.set(xscale="log", yscale="log", xlabel=across, ylabel=up)
        ticks = sorted({row[keys[0]] for row in rows})
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
        axes.figure.legend(loc="outside right upper")


def plot_bars(path: Path, rows: Rows, name: str, value: str, label: str) -> None:
    """A lying bar a row, the first on top."""
    with _axes(path) as axes:
        axes.barh([row[name] for row in rows], [row[value] for row in rows])
        axes.invert_yaxis()
        axes.set_xlabel(label)


@contextmanager
def _axes(path: Path) -> Iterator[Any]:
    """Axes that are saved to ``path``; those of nobody where matplotlib is missing."""
    try:
        import matplotlib
    except ImportError:
        print("matplotlib is not installed: no plot")
        yield _Nothing()
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4), layout="constrained")
    yield axes
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


class _Nothing:
    """Takes every call."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **options: None
