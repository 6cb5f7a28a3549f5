"""Precision and recall of alerts by what was harmed, who claimed it and whom it was told.

Here: the same matching, counted in groups. Not here: the whole (`alerts`). Groups are small: read the intervals.
"""

from collections.abc import Iterator, Mapping, Sequence

from uam_platform.evaluation.alert_matching import COMPATIBLE, Alert, Episode, match
from uam_platform.evaluation.alert_watch import Watch
from uam_platform.evaluation.results import Row
from uam_platform.evaluation.shares import share_row


def breakdown_rows(alerts: Sequence[Alert], watch: Watch, seed: int) -> Iterator[Row]:
    """Recall by cause family; precision by detector and, where there are several, by audience."""
    matched = match(alerts, watch.episodes)
    yield from _by_family(watch.countable(), matched, alerts, seed)
    true = set(matched.values())
    yield from _precision(
        "detector", {name: _of(alerts, "detector", name) for name in _names(alerts, "detector")}, true, seed
    )
    audiences = _names(alerts, "audience")
    if len(audiences) > 1:
        yield from _precision("audience", {name: _of(alerts, "audience", name) for name in audiences}, true, seed)


def _by_family(
    countable: Sequence[Episode], matched: Mapping[str, Alert], alerts: Sequence[Alert], seed: int
) -> Iterator[Row]:
    detectors = _names(alerts, "detector")
    for family in sorted({e.family for e in countable}):
        own = [e for e in countable if e.family == family]
        able = [d for d in detectors if d not in COMPATIBLE or family in COMPATIBLE[d]]
        what = "episodes" if able else "episodes; no detector of this run claims this family"
        found = [e.episode_id in matched for e in own]
        yield share_row(f"recall, cause family {family}", [e.account_id for e in own], found, seed, what=what)


def _precision(kind: str, groups: Mapping[str, Sequence[Alert]], true: set[Alert], seed: int) -> Iterator[Row]:
    for name, own in groups.items():
        accounts, hits = [a.account_id for a in own], [a in true for a in own]
        yield share_row(f"precision, {kind} {name}", accounts, hits, seed, what="alerts")


def _names(alerts: Sequence[Alert], field: str) -> list[str]:
    return sorted({str(getattr(alert, field)) for alert in alerts})


def _of(alerts: Sequence[Alert], field: str, name: str) -> list[Alert]:
    return [alert for alert in alerts if getattr(alert, field) == name]
