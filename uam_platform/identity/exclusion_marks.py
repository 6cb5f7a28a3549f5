"""Rows of people, memberships and hierarchy with the rule that keeps them out.

Here: marking rows, split at the days on which an exclusion becomes known, is taken back, begins or ends; the two tables of who is
kept out. Not here: whom a rule matches (`exclusions`), what becomes of marked rows (`uam_platform.behavior.attach`).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from uam_platform.identity.exclusions import excluded_accounts, excluded_people
from uam_platform.identity.intervals import BEGINNING, FOREVER, clip, covered
from uam_platform.policy.identity_exclusions import ExclusionPolicy


@dataclass(frozen=True)
class Marked:
    """Rows with known days [start, end) and `exclusion`, and who is kept out.

    Attributes:
        people: as given, with exclusion.
        memberships: as given, with exclusion: of the account, else of the person.
        hierarchy: as given, with exclusion of the account.
        excluded_people: person, kind, identifier, exclusion, exclusion_kind, reason_text, start, end.
        excluded_accounts: account, exclusion, exclusion_kind, reason_text, valid_from, valid_to, start, end.
    """

    people: pd.DataFrame
    memberships: pd.DataFrame
    hierarchy: pd.DataFrame
    excluded_people: pd.DataFrame
    excluded_accounts: pd.DataFrame


def marked(
    people: pd.DataFrame,
    memberships: pd.DataFrame,
    hierarchy: pd.DataFrame,
    matched: pd.DataFrame,
    accounts: pd.DataFrame,
    policy: ExclusionPolicy,
) -> Marked:
    """What identity says, with the exclusions of the rulebook.

    Args:
        people: identifier, kind, person and span.
        memberships: person, account and span.
        hierarchy: workspace, account and span.
        matched: see `exclusions.matches`.
        accounts: `staging/accounts`.
        policy: the rules.
    """
    persons = excluded_people(matched, people)
    named = {*hierarchy["account"], *memberships["account"], *accounts["account_id"]}
    companies = excluded_accounts(accounts, named, policy)
    members = with_people_marked(with_accounts_marked(memberships, companies), persons)
    return Marked(
        people=with_people_marked(people, persons),
        memberships=members,
        hierarchy=with_accounts_marked(hierarchy, companies),
        excluded_people=_told(persons, policy).drop(columns="place"),
        excluded_accounts=_told(companies[companies["exclusion"].notna()], policy),
    )


def _told(rows: pd.DataFrame, policy: ExclusionPolicy) -> pd.DataFrame:
    kinds = {name: str(rule.kind) for name, rule in policy.rules.items()}
    reasons = {name: rule.reason for name, rule in policy.rules.items()}
    return rows.assign(
        exclusion_kind=rows["exclusion"].map(kinds).astype(object),
        reason_text=rows["exclusion"].map(reasons).astype(object),
    )


def with_people_marked(rows: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Rows of persons with `exclusion`, split where it becomes known or is taken back; where it stands already it stays.

    Args:
        rows: person, start, end and any other columns.
        people: see `excluded_people`.
    """
    bare = rows.assign(exclusion=rows.get("exclusion"))
    is_out = bare["person"].isin(people["person"])
    if not is_out.any():
        return bare
    cut = bare[is_out].merge(_over_time(people), on="person", suffixes=("", "_person"))
    cut = clip(cut, "start", "end", ("start_person", "end_person"))
    cut["exclusion"] = cut["exclusion"].where(cut["exclusion"].notna(), cut["exclusion_person"])
    return pd.concat([bare[~is_out], cut[bare.columns]], ignore_index=True)


def _over_time(people: pd.DataFrame) -> pd.DataFrame:
    """All known days of excluded persons: person, exclusion (None while they are not), start, end."""
    ordered = people.sort_values(["person", "start", "place", "exclusion"])
    first = ordered.drop_duplicates("person").set_index("person")["exclusion"]
    out = covered(ordered, ["person"], "start", "end").sort_values(["person", "start"], ignore_index=True)
    before = out.groupby("person")["end"].shift().fillna(BEGINNING).astype(np.int64)
    last = out.groupby("person", as_index=False)["end"].max()
    gaps = pd.concat(
        [
            pd.DataFrame({"person": out["person"], "start": before, "end": out["start"]}),
            pd.DataFrame({"person": last["person"], "start": last["end"], "end": FOREVER}),
        ]
    )
    labelled = out.assign(exclusion=first.reindex(out["person"]).to_numpy(dtype=object))
    return pd.concat([labelled, gaps[gaps["start"] < gaps["end"]].assign(exclusion=None)], ignore_index=True)


def with_accounts_marked(rows: pd.DataFrame, accounts: pd.DataFrame) -> pd.DataFrame:
    """Rows of accounts with `exclusion`, split where it begins, ends or becomes known.

    Args:
        rows: account, valid_from, valid_to, start, end and any other columns.
        accounts: see `excluded_accounts`.
    """
    bare = rows.assign(exclusion=None)
    is_out = bare["account"].isin(accounts["account"])
    if not is_out.any():
        return bare
    cut = bare[is_out].drop(columns="exclusion").merge(accounts, on="account", suffixes=("", "_account"))
    cut = clip(cut, "valid_from", "valid_to", ("valid_from_account", "valid_to_account"))
    cut = clip(cut, "start", "end", ("start_account", "end_account"))
    return pd.concat([bare[~is_out], cut[bare.columns]], ignore_index=True)
