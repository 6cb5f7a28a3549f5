"""Does the expansion score rank those who grow, and are alerts of growth right?

Here: account-weeks and sales alerts beside seats that really grew and times in which a team wanted more. Not here: alerts of harm
(`alerts`), the score's own formula (`rulebook/scores.yaml`).

Growth is a rise in seats within 84 days after the snapshot; all snapshots whose 84 days the world has seen are judged. Some growth has
no sign beforehand and some wishes come to nothing, so three questions are asked apart: any growth, growth that had a time of wanting
before it (the other growth left aside), and being in such a time. An alert is an opening, as in `alert_matching`. Beside it stands the
plain rule of sending as many alerts a week to the accounts with the fullest seats, under the same pause of 56 days.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from uam_platform.contracts.tables import ACCOUNT_FEATURES, CANDIDATES
from uam_platform.contracts.tables_kpis import ACCOUNT_SCORES
from uam_platform.evaluation.alert_matching import OPPORTUNITY_AUDIENCES, REOPEN, Alert, openings
from uam_platform.evaluation.ranking import Metric, Ranking
from uam_platform.evaluation.resampling import Codes, Values, account_weights, interval
from uam_platform.evaluation.results import BASE_RATE, Row, Section
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.shares import share_row
from uam_platform.evaluation.truth import GRID_WEEKDAY, Truth

HORIZON: Final = pd.Timedelta(days=84)
AFTERMATH: Final = pd.Timedelta(days=14)
LEAST_GROWN_ACCOUNTS: Final = 30
SEATS: Final = "seats used"
_SCORE: Final = "expansion_score"
_SEAT_USE: Final = "seat_use_ratio"
_TITLE: Final = "Expansion: who grows, and alerts of growth"
_QUESTIONS: Final = (
    ("growth within 84 days", "is_growing", None),
    ("growth with a wish before it, within 84 days", "is_driven", "is_silent"),
    ("wanting more at the snapshot", "is_wanting", None),
)


@dataclass(frozen=True)
class Growth:
    """Rises in seats of the world: account_id, grew_at, is_driven; and wishes: account_id, drive_from, drive_to."""

    grown: pd.DataFrame
    wishes: pd.DataFrame


def section(run: RunFolder, truth: Truth, seed: int) -> Section:
    """The score over account-weeks, then the alerts."""
    if not truth.has("expansions"):
        return Section("expansion", _TITLE, (), "This world's version knows no growth.")
    growth = growth_of(truth.frame("expansions"))
    end = pd.Timestamp(truth.world()["end"]).tz_localize(None)
    weeks = _weeks(run, growth, end)
    if weeks.empty:
        return Section("expansion", _TITLE, (), "The run has no snapshot whose 84 days the world has seen.")
    columns = ("as_of", "fingerprint", "detector", "audience", "account_id", "decision")
    alerts = [a for a in openings(run.frame(CANDIDATES, columns)) if a.audience in OPPORTUNITY_AUDIENCES]
    judged = [a for a in alerts if a.as_of + HORIZON <= end]
    note = (
        f"{len(weeks):,} eligible account-weeks, {weeks['account_id'].nunique():,} accounts; score unknown in "
        f"{weeks[_SCORE].isna().mean():.1%}, seats in {weeks[_SEAT_USE].isna().mean():.1%} (ranked last); "
        f"{len(growth.grown):,} growths, {int(growth.grown['is_driven'].sum()):,} with a wish; {len(judged):,} alerts of growth judged"
    )
    return Section("expansion", _TITLE, (*score_rows(weeks, seed), *alert_rows(judged, weeks, growth, seed)), note)


def growth_of(expansions: pd.DataFrame) -> Growth:
    """Rises in seats, and wishes, of the truth's expansions."""
    named = expansions.assign(account_id=expansions["account_id"].astype(str))
    grown = named.loc[named["grew_at"].notna(), ["account_id", "grew_at", "is_driven"]]
    wishes = named.loc[named["drive_from"].notna(), ["account_id", "drive_from", "drive_to"]]
    return Growth(grown.sort_values(["grew_at", "account_id"], ignore_index=True), wishes.reset_index(drop=True))


def _weeks(run: RunFolder, growth: Growth, end: pd.Timestamp) -> pd.DataFrame:
    features = run.frame(ACCOUNT_FEATURES, ("account_id", "as_of", _SEAT_USE), "is_eligible")
    scores = run.frame(ACCOUNT_SCORES, ("account_id", "as_of", _SCORE))
    weeks = features.merge(scores, on=["account_id", "as_of"], how="left")
    weeks["as_of"] = pd.to_datetime(weeks["as_of"]).astype("datetime64[us]")
    weeks["account_id"] = weeks["account_id"].astype(str)
    is_judged = (weeks["as_of"].dt.weekday == GRID_WEEKDAY) & (weeks["as_of"] + HORIZON <= end)
    return with_growth(weeks[is_judged].reset_index(drop=True), growth)


def with_growth(weeks: pd.DataFrame, growth: Growth) -> pd.DataFrame:
    """`weeks` with is_growing, is_driven, is_silent (grows, but never with a wish) and is_wanting."""
    pairs = weeks[["account_id", "as_of"]].reset_index().merge(growth.grown, on="account_id")
    soon = pairs[(pairs["grew_at"] > pairs["as_of"]) & (pairs["grew_at"] <= pairs["as_of"] + HORIZON)]
    wanting = weeks[["account_id", "as_of"]].reset_index().merge(growth.wishes, on="account_id")
    now = wanting[(wanting["drive_from"] <= wanting["as_of"]) & (wanting["as_of"] < wanting["drive_to"])]
    is_growing = weeks.index.isin(soon["index"])
    is_driven = weeks.index.isin(soon.loc[soon["is_driven"].astype(bool), "index"])
    return weeks.assign(
        is_growing=is_growing, is_driven=is_driven, is_silent=is_growing & ~is_driven,
        is_wanting=weeks.index.isin(now["index"]),
    )  # fmt: skip


def score_rows(weeks: pd.DataFrame, seed: int) -> Iterator[Row]:
    """Ranking of the score by question, beside seats used."""
    for name, column, aside in _QUESTIONS:
        rows = weeks if aside is None else weeks[~weeks[aside]]
        accounts = rows.loc[rows[column], "account_id"].nunique()
        if accounts < LEAST_GROWN_ACCOUNTS:
            note = f"not estimable: {accounts} accounts, {LEAST_GROWN_ACCOUNTS} needed"
            yield Row(f"ROC-AUC, {name}", None, note=note)
            continue
        yield from _ranked(rows, name, column, seed)


def _ranked(rows: pd.DataFrame, name: str, column: str, seed: int) -> Iterator[Row]:
    codes, names = pd.factorize(rows["account_id"], sort=True)
    accounts: Codes = np.asarray(codes, dtype=np.int64)
    weights = account_weights(len(names), seed)
    true: Values = rows[column].to_numpy(dtype=np.float64)
    rankings = {
        score: Ranking(rows[score].fillna(-1.0).to_numpy(dtype=np.float64), accounts, len(names))
        for score in (_SCORE, _SEAT_USE)
    }

    def measured(metric: Metric, score: str) -> tuple[float, Values]:
        ranking = rankings[score]
        return ranking.value(metric, true, 1 - true), ranking.draws(metric, true, 1 - true, weights)

    counted = f"{int(true.sum()):,} of {len(true):,} account-weeks"
    (auc, auc_drawn), (seats, seats_drawn) = measured("auc", _SCORE), measured("auc", _SEAT_USE)
    yield Row(f"ROC-AUC, {name}", auc, *interval(auc_drawn), yardsticks={SEATS: seats, BASE_RATE: 0.5}, note=counted)
    better = "paired difference of ROC-AUC"
    yield Row(f"over seats used, {name}", auc - seats, *interval(auc_drawn - seats_drawn), unit="ratio", note=better)
    (ap, ap_drawn), (seats_ap, _) = measured("ap", _SCORE), measured("ap", _SEAT_USE)
    beside = {SEATS: seats_ap, BASE_RATE: float(true.mean())}
    yield Row(f"average precision, {name}", ap, *interval(ap_drawn), yardsticks=beside)


def alert_rows(alerts: Sequence[Alert], weeks: pd.DataFrame, growth: Growth, seed: int) -> Iterator[Row]:
    """Precision under two readings and recall of growth that had a wish, beside fullest seats and chance."""
    fullest = as_many_by_seats(alerts, weeks)
    spread = weeks.groupby("as_of")[["is_growing", "is_wanting"]].mean()
    random = {name: _mean_rate(spread[name], alerts) for name in spread.columns}
    grown, wishes = _times(growth.grown, "grew_at"), _times(growth.wishes, "drive_from", "drive_to")
    accounts = [a.account_id for a in alerts]
    readings: tuple[tuple[str, str, Callable[[Alert], bool]], ...] = (
        ("growth within 84 days", "is_growing", lambda alert: grows_after(alert, grown)),
        ("wanting more", "is_wanting", lambda alert: wants_more(alert, wishes)),
    )
    for name, column, is_true in readings:
        beside = {SEATS: _share([is_true(a) for a in fullest]), BASE_RATE: random[column]}
        hits = [is_true(a) for a in alerts]
        yield share_row(f"precision of alerts, {name}", accounts, hits, seed, what="alerts", yardsticks=beside)
    first, last = weeks["as_of"].min(), weeks["as_of"].max()
    driven = growth.grown[growth.grown["is_driven"].astype(bool)]
    countable = driven[(driven["grew_at"] >= first + HORIZON) & (driven["grew_at"] <= last)]
    told, told_by_seats = _times_of(alerts), _times_of(fullest)
    pairs = list(zip(countable["account_id"], countable["grew_at"], strict=True))
    yield share_row(
        "recall of alerts, growth with a wish before it", [str(a) for a, _ in pairs],
        [is_foretold(str(a), t, told) for a, t in pairs], seed, what="growths; alerted in the 84 days before",
        yardsticks={SEATS: _share([is_foretold(str(a), t, told_by_seats) for a, t in pairs])},
    )  # fmt: skip


def as_many_by_seats(alerts: Sequence[Alert], weeks: pd.DataFrame) -> list[Alert]:
    """As many alerts per snapshot, on the accounts with the fullest seats that had none within 56 days."""
    wanted = pd.Series([a.as_of for a in alerts], dtype="datetime64[us]").value_counts().sort_index()
    last: dict[str, pd.Timestamp] = {}
    found = []
    for as_of, count in wanted.items():
        now = weeks[weeks["as_of"] == as_of].sort_values([_SEAT_USE, "account_id"], ascending=[False, True])
        free = [a for a in now["account_id"] if a not in last or pd.Timestamp(str(as_of)) - last[a] > REOPEN]
        for account in free[: int(count)]:
            last[account] = pd.Timestamp(str(as_of))
            found.append(Alert(SEATS, account, last[account], "sales"))
    return found


Times = dict[str, list[tuple[pd.Timestamp, ...]]]


def _times(rows: pd.DataFrame, *columns: str) -> Times:
    found: Times = defaultdict(list)
    for account, *at in rows[["account_id", *columns]].itertuples(index=False):
        found[str(account)].append(tuple(at))
    return found


def _times_of(alerts: Sequence[Alert]) -> Times:
    found: Times = defaultdict(list)
    for alert in alerts:
        found[alert.account_id].append((alert.as_of,))
    return found


def grows_after(alert: Alert, grown: Times) -> bool:
    """The account's seats rise within the horizon after the alert."""
    return any(alert.as_of < at <= alert.as_of + HORIZON for (at,) in grown.get(alert.account_id, ()))


def wants_more(alert: Alert, wishes: Times) -> bool:
    """The alert lies in a wish or at most two weeks after it, for the windows look back."""
    return any(start <= alert.as_of < end + AFTERMATH for start, end in wishes.get(alert.account_id, ()))


def is_foretold(account: str, grew_at: pd.Timestamp, told: Times) -> bool:
    """An alert lies within the horizon before the growth."""
    return any(grew_at - HORIZON <= at < grew_at for (at,) in told.get(account, ()))


def _share(hits: Sequence[bool]) -> float | None:
    return sum(hits) / len(hits) if len(hits) else None


def _mean_rate(rates: pd.Series, alerts: Sequence[Alert]) -> float | None:
    """Mean rate of eligible accounts over the snapshots of the alerts; daily snapshots take the week's."""
    known = [float(rates[day]) for a in alerts if (day := a.as_of - pd.Timedelta(days=a.as_of.weekday())) in rates]
    return sum(known) / len(known) if known else None
