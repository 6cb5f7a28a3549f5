"""Scoreboards by hand, for the tests of what is made of several of them."""

from uam_platform.evaluation.results import Row, Scoreboard, Section

WORLD = {"accounts": 3000, "days": 546, "difficulty": "default", "world_version": "9", "start": "s", "end": "e"}


def board(seed: int, *rows: Row, key: str = "churn", **about: object) -> Scoreboard:
    """A scoreboard of one section."""
    return Scoreboard({**WORLD, "seed": seed, **about}, False, 0, (Section(key, key.title(), rows),))


def boards(metric: str, values: list[float], **about: object) -> list[Scoreboard]:
    """One board per value, seeds from 1 on."""
    return [board(n, Row(metric, value, **about)) for n, value in enumerate(values, start=1)]
