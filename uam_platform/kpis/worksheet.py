"""The worksheet of one account: every line of every score, and what changed since a week before.

Here: computing it anew from the lake, for any snapshot, by the functions that made the stored scores. Not here: how it is shown
(`worksheet_page`, the command line), the scores (`scores`), churn score and dollars beside the week before (`week`).
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import pandas as pd
from ibis.backends.duckdb import Backend

from uam_platform.contracts.tables import ACCOUNT_FEATURES, ACCOUNTS
from uam_platform.kpis.inputs import score_inputs
from uam_platform.kpis.outside_signals import outside_signals
from uam_platform.kpis.scores import account_scores, score, worksheets
from uam_platform.kpis.stored import stored_facts
from uam_platform.kpis.week import WeekChange, week_changes
from uam_platform.lake.store import Lake
from uam_platform.policy.load import PolicyError
from uam_platform.policy.scores import ORDER, Formula, ScorePolicy

WEEK: Final = timedelta(days=7)
_LINE_KEY: Final = ["score_name", "line_no"]
_SUGGESTED: Final = 5


@dataclass(frozen=True)
class Worksheet:
    """One account at one snapshot.

    Attributes:
        account_id: canonical id.
        account_name: from the CRM; the id where there is none.
        as_of: the snapshot.
        before: the snapshot it is compared with, a week or more earlier; None where there is none.
        scores: its row of ACCOUNT_SCORES.
        scores_before: the same at `before`; None where the account had no row.
        lines: its rows of WORKSHEETS with `label`, and `points_before_hundredths` and `input_before` (null where not comparable).
        policy: the formulas.
        account_count: accounts ranked beside it.
        week: what changed in churn score and dollars; None where the week before was not scored.
        outside: what other tools said of the account lately; no score reads it.
    """

    account_id: str
    account_name: str
    as_of: date
    before: date | None
    scores: pd.Series
    scores_before: pd.Series | None
    lines: pd.DataFrame
    policy: ScorePolicy
    account_count: int
    week: WeekChange | None = None
    outside: tuple[str, ...] = ()

    def formula(self, name: str) -> Formula:
        """The formula of a score."""
        return next(formula for key, formula in self.policy.formulas.items() if key == name)

    def lines_of(self, name: str) -> pd.DataFrame:
        """Lines of one score, in order."""
        return self.lines.loc[self.lines["score_name"] == name]

    def shown(self, name: str) -> tuple[float | None, float | None]:
        """A score now and before, None where unknown; of the revenue weight the ratio."""
        column = "revenue_weight_ratio" if name == "revenue_weight" else f"{name}_score"
        rows = (self.scores, self.scores_before)
        now, before = (None if row is None or pd.isna(row[column]) else float(row[column]) for row in rows)
        return now, before

    @property
    def pointers(self) -> list[str]:
        """Tables and rows that the inputs were read from."""
        where = f"account_id={self.account_id}, as_of={self.as_of}"
        tables = ("behavior/account_features", "behavior/account_actions")
        others = ("behavior/journeys", "staging/opportunities", "staging/ticket_events")
        of_week = () if self.week is None else self.week.pointers
        return [
            *(f"{t}: {where}" for t in tables),
            *(f"{t}: account_id={self.account_id}" for t in others),
            *of_week,
        ]


def worksheet_of(
    connection: Backend,
    lake: Lake,
    policy: ScorePolicy,
    account: str,
    as_of: date | None = None,
    server_only: frozenset[str] = frozenset(),
) -> Worksheet:
    """The worksheet of an account.

    Args:
        connection: engine.
        lake: tables of a run.
        policy: formulas; also those of an older snapshot are applied as they are today.
        account: account id, or its name in the CRM.
        as_of: snapshot; the latest by default.
        server_only: events of which only a server's word counts.

    Raises:
        PolicyError: there is no such account or snapshot; the message says which there are.
    """
    day, before = _snapshots(lake, as_of)
    keys = [each.isoformat() for each in (before, day) if each is not None]
    inputs = score_inputs(stored_facts(connection, lake, keys, server_only), policy)
    account_id, name = _account(lake.read(connection, ACCOUNTS).to_pandas(), inputs, account)
    everyone = account_scores(score(inputs, policy))
    own = everyone.loc[everyone["account_id"] == account_id]
    rows = {moment.date(): row for moment, (_, row) in zip(pd.to_datetime(own["as_of"]), own.iterrows(), strict=True)}
    if day not in rows:
        raise PolicyError(f"account {account}: no contract and no score at {day}; name another snapshot with --as-of")
    return Worksheet(
        account_id=account_id,
        account_name=name,
        as_of=day,
        before=before,
        scores=rows[day],
        scores_before=None if before is None else rows.get(before),
        lines=_compared(inputs.loc[inputs["account_id"] == account_id], day, policy),
        policy=policy,
        account_count=int((pd.to_datetime(everyone["as_of"]).dt.date == day).sum()),
        week=next(iter(week_changes(connection, lake, account_id, [day])), None),
        outside=outside_signals(connection, lake, account_id, day),
    )


def _snapshots(lake: Lake, as_of: date | None) -> tuple[date, date | None]:
    days = [date.fromisoformat(key) for key in lake.keys(ACCOUNT_FEATURES)]
    if not days:
        raise PolicyError(f"{lake.root}: no snapshot is published; run the chain first (`uam run` or `make demo`)")
    day = as_of or days[-1]
    if day not in days:
        near = min(days, key=lambda each: abs(each - day))
        raise PolicyError(f"--as-of {day}: no such snapshot; the nearest is {near} ({days[0]} … {days[-1]})")
    return day, max((each for each in days if each <= day - WEEK), default=None)


def _account(accounts: pd.DataFrame, inputs: pd.DataFrame, wanted: str) -> tuple[str, str]:
    names = accounts.dropna(subset=["account_name"]).sort_values(["account_id", "valid_from_at"])
    called = dict(zip(names["account_id"], names["account_name"], strict=True))
    known = sorted(set(inputs["account_id"]))
    found = [a for a in known if a == wanted or called.get(a, "").lower() == wanted.lower()]
    if len(found) == 1:
        return found[0], called.get(found[0], found[0])
    near = [a for a in known if wanted.lower() in f"{a} {called.get(a, '')}".lower()] or known
    listed = ", ".join(f"{a} ({called.get(a, 'no name')})" for a in near[:_SUGGESTED])
    what = "several accounts of that name" if found else "no such account with a contract"
    raise PolicyError(f"account {wanted}: {what}; {len(near)} to choose from, e.g. {listed}")


def _compared(inputs: pd.DataFrame, day: date, policy: ScorePolicy) -> pd.DataFrame:
    made = worksheets(score(inputs.reset_index(drop=True), policy))
    is_now = pd.to_datetime(made["as_of"]).dt.date == day
    before = made.loc[~is_now & (made["line_state"] != "missing"), [*_LINE_KEY, "points_hundredths", "input_value"]]
    before = before.rename(columns={"points_hundredths": "points_before_hundredths", "input_value": "input_before"})
    rows = made.loc[is_now].merge(before, on=_LINE_KEY, how="left", validate="1:1")
    labels = {(name, n): line.label for name, f in policy.formulas.items() for n, line in enumerate(f.lines, start=1)}
    order = {name: position for position, name in enumerate(ORDER)}
    rows = rows.assign(
        label=[labels[key] for key in zip(rows["score_name"], rows["line_no"], strict=True)],
        points_before_hundredths=rows["points_before_hundredths"].astype("Int64"),
        position=rows["score_name"].map(order),
    )
    return rows.sort_values(["position", "line_no"], ignore_index=True).drop(columns="position")
