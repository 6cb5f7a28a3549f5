"""Scoreboards that were written as JSON, read back.

Here: reading. Not here: writing (`results`), what is made of several of them (`pooled`, `compare`). Fields that a file of another version
has or lacks are left out or empty, so that old boards stay readable.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from uam_platform.evaluation.results import Curve, Row, Scoreboard, Section

WORLD_FILES: Final = "seed-*.json"


def read_board(path: Path) -> Scoreboard:
    """The scoreboard of a JSON file.

    Raises:
        ValueError: the file is no scoreboard.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Scoreboard(
            found["world"], found["is_illustrative"], found["seed"], tuple(map(_section, found["sections"]))
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no scoreboard: write one with `uam evaluate --json` or `uam suite`") from error


def read_boards(path: Path) -> list[Scoreboard]:
    """The scoreboards of a suite's folder, ordered by seed, or the one of a file.

    Raises:
        ValueError: there is none.
    """
    if not path.is_dir():
        return [read_board(path)]
    boards = [read_board(each) for each in path.glob(WORLD_FILES)]
    if not boards:
        raise ValueError(
            f"{path} holds no scoreboards ({WORLD_FILES}): it is no folder of `uam suite`, or no world is done"
        )
    return sorted(boards, key=lambda board: int(board.world["seed"]))


def _section(found: Mapping[str, Any]) -> Section:
    rows = tuple(Row(**_known(Row, row)) for row in found["rows"])
    curves = tuple(_curve(curve) for curve in found.get("curves", ()))
    return Section(found["key"], found["title"], rows, found.get("note", ""), curves)


def _curve(found: Mapping[str, Any]) -> Curve:
    lines = {name: (tuple(line[0]), tuple(line[1])) for name, line in found.get("yardsticks", {}).items()}
    whole = {**found, "x": tuple(found["x"]), "y": tuple(found["y"]), "yardsticks": lines}
    return Curve(**_known(Curve, whole))


def _known(shape: type[Any], found: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(shape)}
    return {name: value for name, value in found.items() if name in names}
