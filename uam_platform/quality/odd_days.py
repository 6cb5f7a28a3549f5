"""Days of a source that differ from what its past lets expect: volume, silence, names, missing fields.

Here: one rule per kind, over daily profiles. Not here: the profiles (`profiles`), client against server (`missing_tellings`), from days to
findings (`findings`).

A day is compared with the same weekdays before it by median and median deviation, so that neither weekends nor an earlier outage count as
usual. A fall on an announced holiday is expected. A rule looks only backwards: what is said of a day never changes.
"""

import warnings
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from uam_platform.policy.quality import Daily, QualityPolicy
from uam_platform.quality.missing_tellings import HIT, Hit
from uam_platform.quality.profiles import MISSING, NAME, VOLUME

_MAD_TO_SD: Final = 1.4826  # of a normal distribution
_LEAST_SPREAD: Final = 0.05  # of the expected: weeks differ by that much for no reason
_HISTORY_DAYS: Final = 28
_NEWS_DAYS: Final = 14
_RECENT_DAYS: Final = 3
_GONE_DAYS: Final = 5
_CARRIED: Final = 0.2  # an event carries a field that at most so many of its rows lack
_HOLIDAY_FALL: Final = 0.7  # up to here a holiday explains a fall

Matrix = pd.DataFrame


def odd_days(profiles: pd.DataFrame, holidays: Sequence[date], last_day: date, policy: QualityPolicy) -> pd.DataFrame:
    """What stands out on each snapshot day; columns `missing_tellings.HIT`.

    Args:
        profiles: DAILY_PROFILES.
        holidays: event days on which an absence was announced for some.
        last_day: the last snapshot day; event days before it are judged.
        policy: limits.
    """
    rule, hits = policy.daily, []
    for (source, side), own in profiles.groupby(["source", "side"], sort=True):
        counts = {kind: _by_day(own, kind, last_day) for kind in (VOLUME, NAME, MISSING)}
        if counts[VOLUME][0].empty:
            continue
        total = counts[VOLUME][0].iloc[:, 0]
        silent = list(_silent(total, rule))
        quiet = {hit["as_of"] for hit in silent}
        found = [
            *silent,
            *(hit for hit in _volume(total, set(holidays), rule) if hit["as_of"] not in quiet),
            *_new_names(counts[NAME][0], total, rule),
            *(hit for hit in _vanished(counts[NAME][0], rule) if hit["as_of"] not in quiet),
            *_missing(*counts[MISSING], rule),
        ]
        hits += [{"source": source, "finding_part": side, **hit} for hit in found]
    return pd.DataFrame(hits, columns=HIT)


def _by_day(own: pd.DataFrame, kind: str, last_day: date) -> tuple[Matrix, Matrix]:
    """Rows and parts of a kind as days x subjects, days without a row being 0, from the source's first day on."""
    chosen = own[own["profile_kind"] == kind]
    if chosen.empty:
        return pd.DataFrame(), pd.DataFrame()
    first = pd.Timestamp(own["event_date"].min())
    days = pd.date_range(first, pd.Timestamp(last_day) - pd.Timedelta(days=1))
    tables = (
        chosen.pivot_table(index="event_date", columns="profile_subject", values=column, aggfunc="sum")
        for column in ("profile_row_count", "profile_part_count")
    )
    rows, parts = (t.set_axis(pd.to_datetime(t.index)).reindex(days).fillna(0.0) for t in tables)
    return rows, parts


def _hit(kind: str, day: pd.Timestamp, subject: str, since: pd.Timestamp, **more: Any) -> Hit:
    return {
        "as_of": (day + pd.Timedelta(days=1)).date(),
        "finding_kind": kind,
        "finding_subject": subject,
        "since_date": since.date(),
        "severity": "notable",
        "is_clear": True,
        **more,
    }


def expected_rows(counts: Matrix, rule: Daily) -> tuple[Any, Any]:
    """Median of the same weekdays before each day and its robust standard deviation; NaN with too few of them."""
    past = np.stack([counts.shift(7 * week).to_numpy(float) for week in range(1, rule.weeks + 1)])
    enough = np.isfinite(past).sum(axis=0) >= rule.least_weeks
    past = np.where(enough[None], past, np.nan)
    with np.errstate(invalid="ignore"):
        middle = _median(past)
        spread = _median(np.abs(past - middle[None])) * _MAD_TO_SD
        return middle, np.maximum.reduce([spread, np.sqrt(middle), _LEAST_SPREAD * middle])


def _median(values: Any) -> Any:
    """Median over the first axis without NaN; NaN, silently, where there is nothing else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmedian(values, axis=0)


def _volume(total: "pd.Series[float]", holidays: set[date], rule: Daily) -> Iterator[Hit]:
    middle, spread = (values[:, 0] for values in expected_rows(total.to_frame(), rule))
    for day, value, expected, deviation in zip(total.index, total, middle, spread, strict=True):
        if not expected >= rule.least_rows:
            continue
        change = value / expected - 1
        is_odd = abs(change) >= rule.volume_ratio and abs(value - expected) >= rule.deviations * deviation
        if is_odd and not (day.date() in holidays and -_HOLIDAY_FALL <= change < 0):
            facts = {"rows": int(value), "expected": float(expected)}
            yield _hit(
                "volume", day, "", day, affected_count=int(abs(value - expected)), size_ratio=float(change), facts=facts,
                severity="serious" if change < -_HOLIDAY_FALL else "notable",
            )  # fmt: skip


def _silent(total: "pd.Series[float]", rule: Daily) -> Iterator[Hit]:
    """Days on which nothing has come for longer than ever before."""
    longest = run = 0
    for number, (day, value) in enumerate(zip(total.index, total, strict=True)):
        if value:
            longest, run = max(longest, run), 0
            continue
        run += 1
        if run > max(rule.silent_days - 1, longest) and number - run >= _HISTORY_DAYS:
            since = day - pd.Timedelta(days=run - 1)
            yield _hit(
                "silent_source", day, "", since, affected_count=0, size_ratio=float(run), severity="serious",
                facts={"days": run, "longest": longest},
            )  # fmt: skip


def _new_names(names: Matrix, total: "pd.Series[float]", rule: Daily) -> Iterator[Hit]:
    for name in names:
        seen = np.flatnonzero(names[name].to_numpy())
        if not len(seen) or seen[0] < _HISTORY_DAYS:
            continue
        counted = names[name].iloc[seen[0] :].cumsum()
        for day in counted.index[counted >= rule.new_name_rows][:_NEWS_DAYS]:
            if day - counted.index[0] > pd.Timedelta(days=_NEWS_DAYS):
                break
            rows = int(counted[day])
            yield _hit(
                "new_event_name", day, str(name), counted.index[0], affected_count=rows,
                size_ratio=rows / max(float(total[counted.index[0] : day].sum()), 1.0), facts={"rows": rows},
            )  # fmt: skip


def _vanished(names: Matrix, rule: Daily) -> Iterator[Hit]:
    if names.empty:
        return
    middle, _ = expected_rows(names, rule)
    expected = pd.DataFrame(middle, names.index, names.columns).rolling(_GONE_DAYS).sum()
    came = names.rolling(_GONE_DAYS).sum()
    gone = (came == 0) & (expected >= rule.vanished_rows)
    for row, column in zip(*np.nonzero(gone.to_numpy()), strict=True):
        day, name = names.index[row], str(names.columns[column])
        last = np.flatnonzero(names.iloc[: row + 1, column].to_numpy())[-1]
        usual = float(expected.iloc[row, column])
        yield _hit(
            "vanished_event_name", day, name, names.index[last] + pd.Timedelta(days=1), affected_count=round(usual),
            size_ratio=1.0, severity="serious", facts={"expected": usual, "days": row - last},
        )  # fmt: skip


def _missing(rows: Matrix, parts: Matrix, rule: Daily) -> Iterator[Hit]:
    """Fields that more rows lack than before; of each day only the events that carried the field before it count."""
    if rows.empty:
        return
    before = rows.rolling(_HISTORY_DAYS).sum().shift(_RECENT_DAYS)
    lacked = parts.rolling(_HISTORY_DAYS).sum().shift(_RECENT_DAYS)
    carries = (before > 0) & (lacked < _CARRIED * before)
    fields = rows.columns.str.rsplit(".", n=1).str[-1]
    for field in sorted(set(fields)):
        own = fields == field
        whole = rows.loc[:, own].where(carries.loc[:, own], 0.0).sum(axis=1)
        part = parts.loc[:, own].where(carries.loc[:, own], 0.0).sum(axis=1)
        yield from _lacking(field, whole, part, rule)


def _lacking(field: str, whole: "pd.Series[float]", part: "pd.Series[float]", rule: Daily) -> Iterator[Hit]:
    share = (part / whole.where(whole > 0)).rename("share")
    recent_rows, recent_parts = whole.rolling(_RECENT_DAYS).sum(), part.rolling(_RECENT_DAYS).sum()
    recent = recent_parts / recent_rows.where(recent_rows >= rule.least_rows)
    usual = share.rolling(_HISTORY_DAYS, min_periods=14).median().shift(_RECENT_DAYS)
    spread = (share - usual).abs().rolling(_HISTORY_DAYS, min_periods=14).median().shift(_RECENT_DAYS) * _MAD_TO_SD
    chance = np.sqrt((usual * (1 - usual)).clip(lower=0.0) / recent_rows.where(recent_rows > 0)) + 1 / recent_rows
    rise = recent - usual
    odd = (rise >= rule.missing_points) & (rise >= rule.deviations * np.maximum(spread.fillna(0.0), chance))
    for day in share.index[odd.fillna(False)]:
        yield _hit(
            "missing_values", day, field, day - timedelta(days=_RECENT_DAYS - 1), affected_count=int(recent_parts[day]),
            size_ratio=float(rise[day]), facts={"share": float(recent[day]), "usual": float(usual[day])},
        )  # fmt: skip
