"""Client events that are missing beside their server twins: blocked trackers, and front ends that changed without their definitions.

Here: which browsers and app versions stand out on which day. Not here: joining the two sides (`twins`), from days to findings
(`findings`), the arithmetic of tests (`intervals`).

A blocked tracker loses every client event of whoever has it, so a browser is judged over all twins. A front end that drifts loses one
event from a version on, so a version is judged by twin, against the median of the others; what drifts is left out where browsers are
judged. People count once each, so that one busy person makes no finding, and all cells of a day are tested together under one limit on
false discoveries.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from uam_platform.policy.quality import FrontEndDrift, QualityPolicy
from uam_platform.quality.cells import Cells, Sums, cells_of
from uam_platform.quality.intervals import Numbers, exceeds
from uam_platform.quality.twins import UNKNOWN, UNSEEN
from uam_platform.temporal.discoveries import standing_out

BLOCKED: Final = "blocked_tracking"
DRIFT: Final = "front_end_drift"
HIT: Final = (
    "as_of finding_kind source finding_subject finding_part since_date affected_count size_ratio severity is_clear facts"
).split()
"""Columns of what stands out on a day. `is_clear`: beyond chance, so that it may open a finding; what is not clear may only keep one open.
`facts` are numbers and names for the sentence."""
_ALL: Final = ""
_SERIOUS_RATIO: Final = 0.25
_STAYS: Final = 0.05
"""Chance below which a drift that was found still holds."""

Hit = dict[str, Any]


def missing_tellings(runs: pd.DataFrame, days: Sequence[date], policy: QualityPolicy) -> pd.DataFrame:
    """What stands out on each snapshot day.

    Args:
        runs: rows of `twins.told_runs`.
        days: snapshot days; a day sees event days that were settled before it.
        policy: windows, limits.

    Returns:
        Columns `HIT`, in order of `as_of`.
    """
    told = _Told(runs)
    hits: list[Hit] = []
    for as_of in days:
        end = as_of - timedelta(days=policy.settled_days)
        drifted = list(_drifted(told, end, policy))
        hits += [{**hit, "as_of": as_of} for hit in drifted]
        broken = {(hit["facts"]["twin"], hit["finding_part"] or UNKNOWN) for hit in drifted}
        hits += [{**hit, "as_of": as_of} for hit in _blocked(told, end, broken, policy)]
    return pd.DataFrame(hits, columns=HIT)


class _Told:
    """Runs that servers told of, in order of days, with their cells."""

    def __init__(self, runs: pd.DataFrame) -> None:
        rows = runs.loc[runs["server_count"] > 0].assign(event_date=lambda t: pd.to_datetime(t["event_date"]))
        rows = rows.assign(missing=rows["server_count"] - rows["matched_count"])
        self.rows = rows.sort_values("event_date", kind="stable", ignore_index=True)
        self.days = self.rows["event_date"].to_numpy()
        self.is_seen = (self.rows["context_basis"] != UNSEEN).to_numpy()
        self.is_named = self.is_seen & (self.rows["browser"] != UNKNOWN).to_numpy()
        self.versions = cells_of(self.rows, ["twin", "app_version"])
        self.browsers = cells_of(self.rows, ["browser"])
        self.all = cells_of(self.rows, [])

    def within(self, end: date, days: int) -> Numbers:
        """Positions of the rows of the `days` event days before `end`."""
        bounds = np.searchsorted(self.days, [np.datetime64(end - timedelta(days=days)), np.datetime64(end)])
        return np.arange(*bounds)


def _drifted(told: _Told, end: date, policy: QualityPolicy) -> Iterator[Hit]:
    rule = policy.drift
    span, recent = told.within(end, rule.window_days + rule.baseline_days), told.within(end, rule.window_days)
    span, recent = span[told.is_seen[span]], recent[told.is_seen[recent]]
    before, now = (told.versions.sums(told.rows, where) for where in (span, recent))
    judged = np.flatnonzero(_is_large(now, rule.least_actions, rule.least_actors))
    usual = np.zeros(now.cell_count)
    usual[judged] = _usual(told.versions, before, judged, rule, policy.undercount.tolerated_ratio)
    chances = exceeds(now.missing, now.whole, usual, now.cell)[judged]
    rise = now.ratio[judged] - usual[judged]
    is_clear = standing_out(chances, policy.findings.false_discovery_ratio) & (rise >= rule.least_fall_ratio)
    stays = is_clear | ((chances <= _STAYS) & (rise >= rule.least_fall_ratio / 2))
    for code, clear in zip(judged[stays], is_clear[stays], strict=True):
        twin, version = told.versions.labels[code]
        own = told.rows.iloc[span[told.versions.row_cell[span] == code]]
        names = own.loc[own["renamed_count"] > 0, "renamed_to"].mode()
        yield {
            "finding_kind": DRIFT,
            "source": _ALL,
            "finding_subject": " ".join(policy.twins[twin].client),
            "finding_part": "" if version == UNKNOWN else version,
            "since_date": own.loc[own["missing"] > 0, "event_date"].min().date(),
            "affected_count": int(now.by_cell(now.missing)[code]),
            "size_ratio": float(now.ratio[code]),
            "severity": "serious",
            "is_clear": bool(clear),
            "facts": {
                "twin": twin, "runs": int(now.by_cell(now.whole)[code]), "people": int(now.people[code]),
                "usual_ratio": float(usual[code]), "renamed": int(now.by_cell(now.renamed)[code]),
                "renamed_to": str(names.iloc[0]) if len(names) else "",
            },
        }  # fmt: skip


def _is_large(sums: Sums, least_actions: int, least_actors: int) -> Numbers:
    return (sums.by_cell(sums.whole) >= least_actions) & (sums.people >= least_actors)


def _usual(cells: Cells, sums: Sums, judged: Numbers, rule: FrontEndDrift, least: float) -> list[float]:
    """Usual missing share of each judged cell: the median over the other versions of its twin, at least `least`."""
    is_large = sums.by_cell(sums.whole) >= rule.least_actions
    twins = np.array([twin for twin, _ in cells.labels], dtype=object)
    others = (is_large & (twins == twins[code]) & (np.arange(len(twins)) != code) for code in judged)
    return [max(float(np.median(sums.ratio[own])), least) if own.any() else least for own in others]


def _blocked(told: _Told, end: date, broken: set[tuple[str, str]], policy: QualityPolicy) -> Iterator[Hit]:
    rule = policy.undercount
    recent = told.within(end, rule.window_days)
    is_broken = np.array([label in broken for label in told.versions.labels], dtype=bool)
    sound = recent[~is_broken[told.versions.row_cell[recent]]]
    by_browser = told.browsers.sums(told.rows, sound[told.is_named[sound]])
    over_all = told.all.sums(told.rows, sound)
    tested = [
        (name, sums, code)
        for names, sums in (([label[0] for label in told.browsers.labels], by_browser), ([_ALL], over_all))
        for code, name in enumerate(names)
        if _is_large(sums, rule.least_actions, rule.least_actors)[code]
    ]
    expected = rule.tolerated_ratio
    chances = [exceeds(s.missing, s.whole, np.full(s.cell_count, expected), s.cell)[code] for _, s, code in tested]
    found = standing_out(chances, policy.findings.false_discovery_ratio)
    named = {name for (name, _, _), is_found in zip(tested, found, strict=True) if is_found}
    since = end - timedelta(days=rule.window_days)
    for name, sums, code in tested:
        explained = name == _ALL and named - {_ALL}  # a browser that stands out explains the whole
        if not explained and (name in named or sums.ratio[code] > expected):
            yield {**_blocking(name, sums, code, since, expected), "is_clear": name in named}


def _blocking(browser: str, sums: Sums, code: int, since: date, expected: float) -> Hit:
    ratio = float(sums.ratio[code])
    return {
        "finding_kind": BLOCKED,
        "source": _ALL,
        "finding_subject": "",
        "finding_part": browser,
        "since_date": since,
        "affected_count": int(sums.by_cell(sums.missing)[code]),
        "size_ratio": ratio,
        "severity": "serious" if ratio >= _SERIOUS_RATIO else "notable",
        "facts": {
            "runs": int(sums.by_cell(sums.whole)[code]), "people": int(sums.people[code]),
            "silent_people": int(sums.silent_people[code]), "usual_ratio": expected,
        },
    }  # fmt: skip
