"""What `uam bench` shows: one table per comparison, for people.

Here: rich tables from measurements. Not here: measuring (`measure`), the order of work (`command`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.table import Table

from uam_platform.bench.clickstream import Outcome
from uam_platform.bench.measure import Measured

LIMITS_SECONDS: Final = {"features": 10.0, "training": 120.0, "scoring": 10.0}


@dataclass(frozen=True)
class Comparison:
    """Both ways over the same deliveries, and the other tools over the same events.

    Attributes:
        deliveries: landed rows.
        ours: our path.
        script: the hand-written script.
        different: where the results differ; empty when they are equal.
        tools: seconds and memory of sessions and transitions, by tool.
        unequal: tools whose result differs from our path's.
        clickstream: the clickstream library's run.
    """

    deliveries: int
    ours: Measured
    script: Measured
    different: list[str]
    tools: Mapping[str, Measured]
    unequal: Sequence[str]
    clickstream: Outcome


def comparison_table(found: Sequence[Comparison]) -> Table:
    """One line per size."""
    table = Table(title="raw → staged → sessions → actor_days, beside one hand-written DuckDB script")
    for name in (
        "deliveries",
        "ours",
        "CPU",
        "events/s",
        "peak",
        "script",
        "CPU",
        "events/s",
        "peak",
        "ratio",
        "of CPU",
        "equal",
    ):
        table.add_column(name, justify="right")
    for one in found:
        sides = [text for side in (one.ours, one.script) for text in _side(side, one.deliveries)]
        ratios = _ratios(one.ours, one.script)
        table.add_row(f"{one.deliveries:,}", *sides, *ratios, "no" if one.different else "yes")
    return table


def peer_table(found: Sequence[Comparison]) -> Table:
    """One line per size and tool; the ratio is to SQL by hand."""
    table = Table(title="events → sessions and transitions, each tool from the same files")
    for name in ("deliveries", "tool", "seconds", "CPU", "deliveries/s", "peak", "ratio", "of CPU", "equal"):
        table.add_column(name, justify="left" if name == "tool" else "right")
    for one in found:
        limit = one.tools["SQL by hand"]
        for tool, measured in one.tools.items():
            is_equal = "no" if tool in one.unequal else "yes"
            table.add_row(
                f"{one.deliveries:,}", tool, *_side(measured, one.deliveries), *_ratios(measured, limit), is_equal
            )
        library = one.clickstream
        if library.measured is None:
            table.add_row(f"{one.deliveries:,}", "retentioneering", library.said, *[""] * 6)
        else:
            shown = (
                *_side(library.measured, one.deliveries),
                *_ratios(library.measured, limit),
                library.said or "yes",
            )
            table.add_row(f"{one.deliveries:,}", "retentioneering", *shown)
    return table


def day_table(found: Mapping[int, Measured], daily: int) -> Table:
    """One line per length of history, and what the longest costs beside the shortest."""
    table = Table(title=f"one more day of {daily:,} deliveries: its load taken in, its tables computed")
    for name in ("days of history", "seconds", "CPU", "of which", "ratio", "of CPU"):
        table.add_column(name, justify="right")
    shortest = found[min(found)]
    for history, one in sorted(found.items()):
        parts = ", ".join(f"{name} {seconds:.2f}" for name, seconds in one.parts.items())
        times = (f"{one.seconds:.2f}", f"{one.cpu_seconds:.2f}")
        table.add_row(f"{history}", *times, parts, *_ratios(one, shortest))
    return table


def scoring_table(found: Mapping[str, Measured], what: Mapping[str, str]) -> Table:
    """One line per piece of work with its limit."""
    table = Table(title="features, training and scoring")
    for name in ("work", "rows", "seconds", "CPU", "limit", "kept", "peak"):
        table.add_column(name, justify="left" if name == "work" else "right")
    for name, one in found.items():
        limit = LIMITS_SECONDS[name]
        table.add_row(
            what[name], f"{one.parts['rows']:,.0f}", f"{one.seconds:.1f}", f"{one.cpu_seconds:.1f}", f"{limit:.0f}",
            "yes" if one.seconds <= limit else "no", f"{one.peak_bytes / 1e9:.2f} GB",
        )  # fmt: skip
    return table


def _side(measured: Measured, rows: int) -> tuple[str, str, str, str]:
    return (
        f"{measured.seconds:.1f} s",
        f"{measured.cpu_seconds:.1f} s",
        f"{rows / measured.seconds:,.0f}",
        f"{measured.peak_bytes / 1e9:.2f} GB",
    )


def _ratios(measured: Measured, limit: Measured) -> tuple[str, str]:
    """Of wall time and of processor time; where they differ much, something else used the machine."""
    return f"{measured.seconds / limit.seconds:.2f}", f"{measured.cpu_seconds / limit.cpu_seconds:.2f}"
