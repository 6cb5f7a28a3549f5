"""What the calendar explains: announcements in force for an account, and seasons that nobody announced.

Here: which harm signals of which accounts are explained in a snapshot, by what. Not here: forgiving them (`harm`), holding findings back
(`context`), where an account works (`regions`). An announced change explains trouble, it never proves that there is none: signals that
it says nothing about still count.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

import pandas as pd

from uam_platform.alerts import regions
from uam_platform.policy.groups import Announced, Context, Season

YEAR: Final = timedelta(days=364)
"""52 weeks: the same weekday of the same week."""
NEAR: Final = timedelta(days=3)
"""How far from there a snapshot of last year may lie."""
_RATIO: Final = "use_ratio"


@dataclass(frozen=True)
class Excuse:
    """Why some signals of an account say nothing.

    Attributes:
        reason: reason code, e.g. `announced:public_holiday`.
        signals: harm signals it explains.
        pointer: the row it stands on: table and key.
    """

    reason: str
    signals: frozenset[str]
    pointer: Mapping[str, Any]


Excuses = Mapping[str, list[Excuse]]
"""By account; the rulebook's order of kinds."""


@dataclass(frozen=True)
class Calendar:
    """What snapshots know of the time of the year.

    `announcements`: ANNOUNCEMENTS; `industries`: ACCOUNTS; `hours`: WORKING_HOURS; `last_year`: ACCOUNT_FEATURES of the year before;
    `releases`: RELEASES.
    """

    announcements: pd.DataFrame = field(default_factory=pd.DataFrame)
    industries: pd.DataFrame = field(default_factory=pd.DataFrame)
    hours: pd.DataFrame = field(default_factory=pd.DataFrame)
    last_year: pd.DataFrame = field(default_factory=pd.DataFrame)
    releases: pd.DataFrame = field(default_factory=pd.DataFrame)

    def excuses(self, snapshot: pd.DataFrame, as_of: date, policy: Context) -> Excuses:
        """What is explained in one snapshot.

        Args:
            snapshot: ACCOUNT_FEATURES rows of one as_of.
            as_of: its day; what was announced later, or became known after its decision, explains nothing.
            policy: kinds, seasons, region.
        """
        if snapshot.empty:
            return {}
        decision_at = pd.Timestamp(snapshot["decision_at"].iloc[0])
        placed = self._placed(snapshot, as_of, decision_at, policy)
        found: dict[str, list[Excuse]] = {}
        for kind, rule in policy.announced.items():
            if rule.explains:
                for account, excuse in self._announced(placed, kind, rule, as_of, decision_at, policy):
                    found.setdefault(account, []).append(excuse)
        for name, season in policy.seasons.items():
            for account, excuse in _in_season(placed, self.last_year, name, season, as_of):
                found.setdefault(account, []).append(excuse)
        return found

    def release_behind(self, flag: str | None, decision_at: datetime) -> dict[str, str] | None:
        """The latest release behind a flag that was known at the decision: id, version, title and day; None without one."""
        if flag is None or self.releases.empty:
            return None
        rows = self.releases[
            (self.releases["flag_key"] == flag) & (self.releases["known_at"] < pd.Timestamp(decision_at))
        ]
        if rows.empty:
            return None
        last = rows.sort_values(["released_at", "release_id"]).iloc[-1]
        return {
            "release_id": str(last["release_id"]),
            "release_version": str(last["release_version"]),
            "title": str(last["title"]),
            "released_at": f"{pd.Timestamp(last['released_at']):%Y-%m-%d}",
        }

    def in_force(self, kind: str, rule: Announced, as_of: date, decision_at: datetime) -> pd.DataFrame:
        """Announcements of a kind that hold in a snapshot, or held so lately that its windows still see it."""
        rows = self.announcements
        if rows.empty:
            return rows
        rows = rows[(rows["announced_kind"] == kind) & (rows["known_at"] < pd.Timestamp(decision_at))]
        starts = pd.to_datetime(rows["starts_at"])
        ends = pd.to_datetime(rows["ends_at"]).fillna(starts + timedelta(days=rule.days))
        at = pd.Timestamp(as_of)
        return rows[(starts < at) & (at <= ends + timedelta(days=rule.after_days))]

    def _placed(self, snapshot: pd.DataFrame, as_of: date, decision_at: datetime, policy: Context) -> pd.DataFrame:
        """The snapshot with industry and region of each account, missing where not known."""
        known = self.industries
        industries: Mapping[str, str] = {}
        if len(known):
            at = pd.Timestamp(decision_at)
            rows = known[(known["known_at"] < at) & (known["valid_from_at"] < at)].sort_values("valid_from_at")
            industries = dict(zip(rows["account_id"], rows["industry"], strict=True))
        offsets = regions.offsets(self.hours, as_of, policy.region)
        return snapshot.assign(
            industry=snapshot["account_id"].map(industries).astype("object"),
            utc_offset_minutes=snapshot["account_id"].map(offsets).astype("float64"),
        )

    def _announced(
        self, placed: pd.DataFrame, kind: str, rule: Announced, as_of: date, decision_at: datetime, policy: Context
    ) -> Iterator[tuple[str, Excuse]]:
        rows = self.in_force(kind, rule, as_of, decision_at)
        if rows.empty:
            return
        regional = regions.nearest(placed["utc_offset_minutes"], self.announcements, policy.region)
        for row in rows.sort_values(["starts_at", "announcement_id"]).to_dict("records"):
            mask = _away(placed, rule)
            for column, values in (("account_id", placed["account_id"]), ("industry", placed["industry"])):
                mask &= True if pd.isna(row[column]) else values == row[column]
            mask &= True if pd.isna(row["utc_offset_minutes"]) else regional == row["utc_offset_minutes"]
            pointer = {"table": "staging/announcements", "key": {"announcement_id": row["announcement_id"]}}
            excuse = Excuse(f"announced:{kind}", frozenset(rule.explains), pointer)
            yield from ((str(account), excuse) for account in placed.loc[mask, "account_id"])


def _away(placed: pd.DataFrame, rule: Announced) -> pd.Series:
    """Accounts that stayed away as much as the rule asks for: whoever works as before is not on holiday."""
    if rule.max_presence_ratio is None:
        return pd.Series(True, index=placed.index)
    recent = placed["session_28d_count"].astype("float64")
    before = (placed["session_84d_count"].astype("float64") - recent) / 2.0
    return recent <= rule.max_presence_ratio * before


def signals_of(excuses: Excuses) -> dict[str, frozenset[str]]:
    """All signals that are explained, by account."""
    return {account: frozenset().union(*(one.signals for one in found)) for account, found in excuses.items()}


def _in_season(
    placed: pd.DataFrame, last_year: pd.DataFrame, name: str, season: Season, as_of: date
) -> Iterator[tuple[str, Excuse]]:
    """Accounts that fell now as they fell a year ago, or as their peers fall now."""
    own = _ratios(placed, season)
    if season.peer_column is None:
        before = _year_before(last_year, as_of)
        usual = placed["account_id"].map(
            _ratios(before, season).set_axis(before["account_id"]).to_dict() if len(before) else {}
        )
        pointers = [{"account_id": a, "as_of": as_of - YEAR} for a in placed["account_id"]]
    else:
        usual = _of_peers(placed, own, season)
        pointers = [{season.peer_column: value, "as_of": as_of} for value in placed[season.peer_column]]
    usual = usual.astype("float64")
    is_explained = (usual <= season.max_ratio) & (own >= season.worse_ratio * usual)
    for account, pointer, explained in zip(placed["account_id"], pointers, is_explained, strict=True):
        if explained:
            row = {"table": "behavior/account_features", "key": pointer}
            yield str(account), Excuse(f"season:{name}", frozenset(season.explains), row)


def _ratios(rows: pd.DataFrame, season: Season) -> pd.Series:
    """Core work of 28 days against the average 28 of the 56 days before; missing where that is too little to compare with."""
    if rows.empty:
        return pd.Series(dtype="float64")
    recent = rows["core_28d_count"].astype("float64")
    before = (rows["core_84d_count"].astype("float64") - recent) / 2.0
    return (recent / before.where(before >= season.min_before)).rename(_RATIO)


def _of_peers(placed: pd.DataFrame, own: pd.Series, season: Season) -> pd.Series:
    """Median of the peers beside the median of everybody; missing where there are too few."""
    votes = placed["is_eligible"].astype(bool) & own.notna() & placed[str(season.peer_column)].notna()
    if not votes.any():
        return pd.Series(float("nan"), index=placed.index)
    grouped = own[votes].groupby(placed.loc[votes, str(season.peer_column)]).agg(["median", "size"])
    medians = grouped.loc[grouped["size"] >= season.min_peers, "median"] / float(own[votes].median())
    return placed[str(season.peer_column)].map(medians)


def _year_before(last_year: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """The snapshot of 52 weeks before: the same weekday of the same week; the nearest within three days."""
    if last_year.empty:
        return last_year
    days = pd.to_datetime(last_year["as_of"])
    away = (days - pd.Timestamp(as_of - YEAR)).abs()
    near = away <= NEAR
    return last_year[near & (away == away[near].min())] if near.any() else last_year.iloc[:0]
