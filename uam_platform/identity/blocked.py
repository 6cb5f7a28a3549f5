"""Identifiers that identify nobody: recognised by their hashes, taken out before anything is joined (R91).

Here: the rulebook's blocked values as keys, evidence and directory records without them, and which were seen. Not here: the values
and their reasons (`uam_platform.policy.identity`), identifiers that too many share (`guards`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Final

import ibis
import ibis.expr.types as ir
import pandas as pd

from uam_platform.identity.evidence import ANONYMOUS, EMAIL, USER, frame
from uam_platform.identity.intervals import days
from uam_platform.policy.identity import Blocked, Identifier, IdentityPolicy
from uam_platform.temporal import keys

PREFIX: Final = "blocked_"
"""Before the name of the rulebook's entry: the reason code."""


@dataclass(frozen=True)
class BlockedKeys:
    """Reason code by key, per column that carries such keys.

    Attributes:
        users: user ids.
        devices: device ids.
        aliases: previous ids of alias calls, as device ids.
        emails: addresses.
        domains: domains of addresses.
    """

    users: dict[int, str]
    devices: dict[int, str]
    aliases: dict[int, str]
    emails: dict[int, str]
    domains: dict[int, str]

    def among(self, seen: pd.DataFrame) -> "BlockedKeys":
        """Those of `blocked_seen`: few, so that evidence can be asked for them one by one."""
        sent = {name: set(rows) for name, rows in seen.groupby("matched")["by"]}
        chosen = {f.name: {k: getattr(self, f.name)[k] for k in sent.get(f.name, ())} for f in fields(self)}
        return BlockedKeys(**chosen)


def blocked_keys(policy: IdentityPolicy, id_spaces: Iterable[str]) -> BlockedKeys:
    """Hashes of the blocked values in every id space, with the functions that hash what sources send."""
    found = BlockedKeys({}, {}, {}, {}, {})
    spaces = sorted(set(id_spaces))
    for name, entry in policy.blocked.items():
        reason = PREFIX + name
        found.domains.update({key: reason for d in entry.domains if (key := keys.email_domain_key(d))})
        for kind in entry.identifiers:
            if kind is Identifier.EMAIL:
                found.emails.update({keys.email_key(value): reason for value in entry.values})
        for space in spaces:
            _add(found, entry, space, reason)
    return found


def _add(found: BlockedKeys, entry: Blocked, space: str, reason: str) -> None:
    spelled = {form for value in entry.values for form in (value, value.lower(), value.upper(), value.capitalize())}
    for kind, known, hashed in (
        (Identifier.USER, found.users, keys.user_key),
        (Identifier.DEVICE, found.devices, keys.anonymous_key),
        (Identifier.ALIAS, found.aliases, keys.anonymous_key),
    ):
        if kind in entry.identifiers:
            known.update({hashed(space, value): reason for value in spelled})


def without_blocked(evidence: ir.Table, blocked: BlockedKeys) -> ir.Table:
    """Evidence in which blocked identifiers do not occur: what a blocked user id did was done by its device, or by nobody.

    Args:
        evidence: rows of `staging/identity_evidence`.
        blocked: those to take out; many would make the query slow to compile, see `BlockedKeys.among`.
    """
    if not any(getattr(blocked, f.name) for f in fields(blocked)):
        return evidence
    is_user = evidence.actor_kind == USER
    is_nobody = _is(evidence.actor_key, blocked.users) & is_user
    device = ibis.ifelse(_is(evidence.device_key, blocked.devices), keys.NO_KEY, evidence.device_key)
    is_no_device = _is(evidence.actor_key, blocked.devices) & ~is_user
    linked, is_alias = evidence.linked_actor_key, evidence.event_kind == "alias"
    is_no_link = (_is(linked, blocked.aliases) & is_alias) | (_is(linked, blocked.devices) & ~is_alias)
    is_no_address = _is(evidence.email_key, blocked.emails) | _is(evidence.email_domain_key, blocked.domains)
    return evidence.mutate(
        actor_key=ibis.cases((is_nobody, device), (is_no_device, keys.NO_KEY), else_=evidence.actor_key),
        actor_kind=ibis.ifelse(is_nobody, ANONYMOUS, evidence.actor_kind),
        device_key=device,
        linked_actor_key=ibis.ifelse(is_no_link, ibis.null("int64"), evidence.linked_actor_key),
        linked_user_key=ibis.ifelse(is_no_link, ibis.null("int64"), evidence.linked_user_key),
        email_key=ibis.ifelse(is_no_address, keys.NO_KEY, evidence.email_key),
    )


def _is(key: ir.Value, known: dict[int, str]) -> ir.BooleanValue:
    return key.isin(sorted(known)).fill_null(False) if known else ibis.literal(False)


def unblocked_records(directory: pd.DataFrame, blocked: BlockedKeys) -> pd.DataFrame:
    """Rows of `staging/users_directory` without blocked user ids and addresses."""
    is_no_address = directory["email_key"].isin(blocked.emails) | directory["email_domain_key"].isin(blocked.domains)
    return directory.assign(
        actor_key=directory["actor_key"].where(~directory["actor_key"].isin(blocked.users), keys.NO_KEY),
        email_key=directory["email_key"].where(~is_no_address, keys.NO_KEY),
        device_key=directory["device_key"].where(~directory["device_key"].isin(blocked.devices), keys.NO_KEY),
    )


def blocked_seen(evidence: ir.Table, blocked: BlockedKeys) -> pd.DataFrame:
    """Blocked identifiers that sources sent: kind, identifier, reason, matched (which keys of `blocked`), by (the key), start.

    Args:
        evidence: rows of `staging/identity_evidence`.
        blocked: all blocked keys.
    """
    user, previous = evidence.actor_kind == USER, evidence.event_kind == "alias"
    places = (
        (evidence.filter(user), "users", USER, "actor_key", "actor_key"),
        (evidence.filter(~user), "devices", ANONYMOUS, "actor_key", "actor_key"),
        (evidence, "devices", ANONYMOUS, "device_key", "device_key"),
        (evidence.filter(previous), "aliases", ANONYMOUS, "linked_actor_key", "linked_actor_key"),
        (evidence, "emails", EMAIL, "email_key", "email_key"),
        (evidence, "domains", EMAIL, "email_key", "email_domain_key"),
    )
    sent = [
        rows.filter(rows[by].notnull())
        .group_by(matched=ibis.literal(name), kind=ibis.literal(kind), identifier=rows[key], by=rows[by])
        .aggregate(start=rows.known_date.min())
        for rows, name, kind, key, by in places
    ]
    schema = {"listed_as": "string", "listed_key": "int64", "reason": "string"}
    named = [(f.name, key, reason) for f in fields(blocked) for key, reason in sorted(getattr(blocked, f.name).items())]
    listed = ibis.memtable(pd.DataFrame(named, columns=[*schema]), schema=schema)
    found = ibis.union(*sent).inner_join(listed, [("matched", "listed_as"), ("by", "listed_key")])
    return frame(found.select("kind", "identifier", "reason", "matched", "by", "start"))


def record_rows(directory: pd.DataFrame, blocked: BlockedKeys) -> pd.DataFrame:
    """Blocked identifiers of directory records: kind, identifier, reason, start."""
    known = days(pd.to_datetime(directory["known_at"]))
    parts = [
        (USER, directory["actor_key"], directory["actor_key"].map(blocked.users)),
        (ANONYMOUS, directory["device_key"], directory["device_key"].map(blocked.devices)),
        (EMAIL, directory["email_key"], directory["email_key"].map(blocked.emails)),
        (EMAIL, directory["email_key"], directory["email_domain_key"].map(blocked.domains)),
    ]
    rows = [
        pd.DataFrame({"kind": kind, "identifier": keyed, "reason": reason, "start": known}).dropna(subset="reason")
        for kind, keyed, reason in parts
    ]
    return pd.concat(rows, ignore_index=True)
