from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.telemetry.boards import BOARDS, Board, make_board


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Callable[..., Board]]:
    """A function that builds the tree of a board by its name (see ``BOARDS``)."""
    made: list[Board] = []

    def make(name: str = "nano", **options: bool) -> Board:
        made.append(make_board(tmp_path / f"root{len(made)}", BOARDS[name], **options))
        return made[-1]

    yield make
    for each in made:
        each.close()
