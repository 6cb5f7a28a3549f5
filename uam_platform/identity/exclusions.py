"""The vendor's staff, robots and test accounts, found by the rulebook's rules (R91).

Here: whom a rule matches, and since when that is known. Not here: the rules (`uam_platform.policy.identity_exclusions`), values that
identify nobody (`blocked`), marking people, memberships and hierarchy (`exclusion_marks`).

A person is kept out on all event days, as known from the day on which a matching identifier is known to be theirs alone. So a
recorded snapshot stays, and taking the edge back takes the exclusion back.
"""

import re
from collections.abc import Collection, Iterable
from datetime import date, timedelta
from typing import Final

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from uam_platform.identity.evidence import EMAIL, USER, frame
from uam_platform.identity.intervals import BEGINNING, FOREVER, clip, covered, days
from uam_platform.identity.timeline import overlay
from uam_platform.policy.identity_exclusions import ExclusionPolicy
from uam_platform.temporal import keys

_EVER: Final = (date(1, 1, 1) - date(1970, 1, 1)).days  # the first day that a table can hold
_SPAN: Final = ["valid_from", "valid_to", "start", "end"]
_MATCH: Final = ["kind", "identifier", "exclusion", "place", "start"]
_COLUMNS: Final = {  # of evidence and directory: which column a list of values is looked for in, and whose identifier it is
    "users": (USER, "actor_key", "actor_key"),
    "user_stems": (USER, "actor_key", "actor_stem_key"),
    "emails": (EMAIL, "email_key", "email_key"),
    "email_stems": (EMAIL, "email_key", "email_stem_key"),
    "domains": (EMAIL, "email_key", "email_domain_key"),
}


def listed_keys(policy: ExclusionPolicy, id_spaces: Iterable[str]) -> pd.DataFrame:
    """What rules name, as keys: listed_as (see `_COLUMNS`), by (the key), exclusion, place (of the rule)."""
    spaces, rows = sorted(set(id_spaces)), []
    found: list[tuple[str, int | None]]
    for place, (name, rule) in enumerate(policy.rules.items()):
        found = [("users", keys.user_key(space, user)) for space in spaces for user in rule.users]
        found += [("emails", keys.email_key(address)) for address in rule.emails]
        found += [("domains", keys.email_domain_key(domain)) for domain in rule.domains]
        found += [(kind, keys.stem_key(stem)) for kind in ("user_stems", "email_stems") for stem in rule.stems]
        rows += [(listed_as, key, name, place) for listed_as, key in found]
    return pd.DataFrame(rows, columns=["listed_as", "by", "exclusion", "place"])


def matches(evidence: ir.Table, directory: pd.DataFrame, listed: pd.DataFrame, grace: timedelta) -> pd.DataFrame:
    """Identifiers that a rule matches: kind, identifier, exclusion, place, start (first known day).

    Args:
        evidence: rows of `staging/identity_evidence`, without blocked identifiers.
        directory: rows of `staging/users_directory`, without them.
        listed: see `listed_keys`.
        grace: decision grace, which directory records' known_at is shortened by.
    """
    if listed.empty:
        return pd.DataFrame({c: pd.Series(dtype=object if c in ("kind", "exclusion") else np.int64) for c in _MATCH})
    parts = [_of_evidence(evidence, listed), _of_directory(directory, listed, grace)]
    return pd.concat(parts, ignore_index=True).groupby(_MATCH[:-1], as_index=False)[["start"]].min()


def _of_evidence(evidence: ir.Table, listed: pd.DataFrame) -> pd.DataFrame:
    sent = []
    for name in listed["listed_as"].unique():
        kind, key, by = _COLUMNS[name]
        wanted = sorted(listed.loc[listed["listed_as"] == name, "by"])
        rows = evidence.filter(evidence[by].isin(wanted), evidence[key] != keys.NO_KEY)
        rows = rows.filter(rows.actor_kind == USER) if kind == USER else rows
        grouped = rows.group_by(
            listed_as=ibis.literal(name), kind=ibis.literal(kind), identifier=rows[key], by=rows[by]
        )
        sent.append(grouped.aggregate(start=rows.known_date.min()))
    found = frame(ibis.union(*sent) if len(sent) > 1 else sent[0])
    return found.merge(listed, on=["listed_as", "by"])[_MATCH]


def _of_directory(directory: pd.DataFrame, listed: pd.DataFrame, grace: timedelta) -> pd.DataFrame:
    known = days(pd.to_datetime(directory["known_at"]) - grace)
    rows = directory.assign(start=np.maximum(known, days(directory["created_at"])))
    parts = []
    for name, (kind, key, by) in _COLUMNS.items():
        if by not in rows or kind == USER:  # a record's user is known by the product too, and there with its id
            continue
        own = pd.DataFrame({"kind": kind, "identifier": rows[key], "by": rows[by], "start": rows["start"]}).dropna()
        parts.append(own[own["identifier"] != keys.NO_KEY].astype({"by": np.int64}).assign(listed_as=name))
    return pd.concat(parts, ignore_index=True).merge(listed, on=["listed_as", "by"])[_MATCH]


def excluded_people(matched: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Persons that matched identifiers alone are: person, kind, identifier, exclusion, place, start, end.

    Args:
        matched: see `matches`.
        people: identifier, kind, person, valid_from, valid_to, start, end. What several persons used ends; it keeps nobody out.
    """
    own = people.loc[people["valid_to"] == FOREVER, ["kind", "identifier", "person", "start", "end"]]
    rows = own.merge(matched.rename(columns={"start": "matched"}), on=["kind", "identifier"])
    rows = clip(rows, "start", "end", ("matched", None))
    return covered(rows, ["person", "kind", "identifier", "exclusion", "place"], "start", "end")


def excluded_accounts(accounts: pd.DataFrame, named: Collection[str], policy: ExclusionPolicy) -> pd.DataFrame:
    """Accounts that are ever kept out, over all days: account, exclusion (None while they are not), and span.

    A name counts from the day it was given, the first one also before; an id always.

    Args:
        accounts: `staging/accounts`.
        named: account ids that the product or the CRM names.
        policy: the rules.
    """
    names = [*policy.rules]
    rows = [
        pd.DataFrame({c: pd.Series(dtype=np.int64) for c in ("value", *_SPAN)}).assign(account=pd.Series(dtype=object))
    ]
    by_id = {
        account: place for place, rule in reversed([*enumerate(policy.rules.values())]) for account in rule.accounts
    }
    for account in sorted(set(named) & set(by_id)):
        rows.append(pd.DataFrame({"account": [account], "value": by_id[account] + 1}).assign(**_always()))
    rows.append(_by_name(accounts[~accounts["account_id"].isin(by_id)], policy))
    found = pd.concat(rows, ignore_index=True)
    labels = np.array([None, *names], dtype=object)
    return found.assign(exclusion=labels[found["value"].to_numpy(np.int64)])[["account", "exclusion", *_SPAN]]


def _always() -> dict[str, int]:
    return {"valid_from": _EVER, "valid_to": FOREVER, "start": _EVER, "end": FOREVER}


def _by_name(accounts: pd.DataFrame, policy: ExclusionPolicy) -> pd.DataFrame:
    """Accounts with a name that a rule matches at any time: account, value (0: not kept out, else the rule's place + 1), and span."""
    patterns = [
        (place + 1, re.compile(pattern, re.IGNORECASE))
        for place, rule in enumerate(policy.rules.values())
        for pattern in rule.account_names
    ]
    texts = accounts["account_name"].dropna().unique() if patterns else ()
    value = {text: next((v for v, p in patterns if p.fullmatch(text.strip())), 0) for text in texts}
    told = accounts.assign(value=accounts["account_name"].map(value).fillna(0).astype(np.int64))
    facts = told[told["account_id"].isin(told.loc[told["value"] > 0, "account_id"])]
    begun = pd.to_datetime(facts["valid_from_at"])
    said = pd.DataFrame(
        {
            "account": facts["account_id"],
            "value": facts["value"],
            "position": begun.to_numpy("datetime64[us]").astype(np.int64),
            "valid_from": days(facts["valid_from_at"]),
            "start": days(facts["known_date"]),
        }
    )
    is_first = ~said.sort_values(["valid_from", "position"]).duplicated("account")
    said["valid_from"] = said["valid_from"].mask(is_first.reindex(said.index), _EVER)
    owners = np.array(sorted(set(said["account"])), dtype=object)
    base = pd.DataFrame(
        {"account": owners, "value": 0, "position": BEGINNING, "valid_from": BEGINNING, "start": BEGINNING}
    )
    said = pd.concat([base, said], ignore_index=True)
    group = np.searchsorted(owners, said["account"].to_numpy(dtype=object)) if len(said) else np.array([], np.int64)
    rows = overlay(said.assign(group=group, valid_to=FOREVER, end=FOREVER))
    return rows.assign(account=owners[rows["group"].to_numpy(np.int64)]).drop(columns="group")
