"""Daily activity attached to account, person and role, as of event day and snapshot.

Here: which link answers for which row. Not here: the as-of join (`uam_platform.temporal.asof`), where links come from
(`uam_platform.identity`), features (`features`).
"""

from collections.abc import Sequence
from typing import Final

import ibis
import ibis.expr.types as ir

from uam_platform.lake.pinned import computed_once
from uam_platform.temporal.asof import FOREVER, cells, look_up, next_day

_NO_PERSON: Final = 0
_NO_WORKSPACE: Final = 0
_KEPT_OUT: Final = -1  # no key of a person: keys are never negative


def attach(actor_days: ir.Table, hierarchy: ir.Table, people: ir.Table, memberships: ir.Table) -> ir.Table:
    """Each actor-day with its account and person, and the snapshots that see it so.

    A row that names a workspace belongs to the account that owned it on the event day; one that names none belongs to
    the only account its person was a member of that day, and to none if there were several or if nobody can be told.
    A link that became known after the event makes the row visible from then on; a corrected link ends the row's
    visibility where the corrected one begins. What persons and accounts did whom identity keeps out (`exclusion`: staff, robots,
    tests) is not among the rows, from the snapshot on that knows it. So the row appears once per stretch of snapshots, and summing the rows
    with `visible_from <= as_of < visible_to` counts every action at most once.

    Args:
        actor_days: ACTOR_DAYS.
        hierarchy: HIERARCHY.
        people: PEOPLE; only user and anonymous identifiers act.
        memberships: MEMBERSHIPS.

    Returns:
        The attached rows of `actor_days` with `account_id`, `person_key` (0 where nobody could be told), `visible_from` and
        `visible_to` (9999-12-31 while it lasts); `is_admin` also where the person held the admin role that day.
    """
    return _with_role(attach_account(actor_days, hierarchy, people, memberships), memberships)


def attach_account(facts: ir.Table, hierarchy: ir.Table, people: ir.Table, memberships: ir.Table) -> ir.Table:
    """As `attach`, for rows whose role does not matter: without `is_admin`, and in less time."""
    seen = next_day(ibis.greatest(facts.event_date, facts.known_date))
    facts = facts.mutate(visible_from=seen, visible_to=ibis.literal(FOREVER))
    known = with_person(facts, people.filter(people.identifier_kind.isin(("user", "anonymous"))), "actor_key")
    return _with_account(known, customers(hierarchy), customers(memberships))


def with_person(facts: ir.Table, people: ir.Table, identifier: str) -> ir.Table:
    """Facts with `person_key`, 0 where nobody could be told; without those of persons who are kept out.

    Args:
        facts: rows with `event_date`, `visible_from`, `visible_to`.
        people: PEOPLE, of the kinds of identifiers that `identifier` may be.
        identifier: column of facts.
    """
    judged = ibis.ifelse(people.exclusion.isnull(), people.person_key, _KEPT_OUT)
    persons = known_cells(people.mutate(person_key=judged), ["identifier_key"], "person_key")
    known = look_up(facts, persons, {identifier: "identifier_key"}, "person_key")
    known = known.mutate(person_key=known.person_key.fill_null(_NO_PERSON))
    return known.filter(known.person_key != _KEPT_OUT)


def customers(links: ir.Table) -> ir.Table:
    """Rows of HIERARCHY or MEMBERSHIPS that no rule keeps out."""
    return links.filter(links.exclusion.isnull())


def known_cells(links: ir.Table, keys: Sequence[str], value: str) -> ir.Table:
    """`cells`, computed once for all assets of a run that read the same links."""
    return computed_once(links, (cells, *keys, value), lambda table: cells(table, keys, value))


def _with_account(facts: ir.Table, hierarchy: ir.Table, memberships: ir.Table) -> ir.Table:
    by_workspace = _told(known_cells(hierarchy, ["workspace_key"], "account_id"), "account_id")
    by_person = _told(known_cells(memberships, ["person_key"], "account_id"), "account_id")
    named = facts.filter(facts.workspace_key != _NO_WORKSPACE)
    unnamed = facts.filter((facts.workspace_key == _NO_WORKSPACE) & (facts.person_key != _NO_PERSON))
    return ibis.union(
        _told(look_up(named, by_workspace, {"workspace_key": "workspace_key"}, "account_id"), "account_id"),
        _told(look_up(unnamed, by_person, {"person_key": "person_key"}, "account_id"), "account_id"),
    )


def _with_role(facts: ir.Table, memberships: ir.Table) -> ir.Table:
    admins = memberships.filter(memberships.role == "admin").mutate(is_role_admin=ibis.literal(1))
    held = known_cells(admins, ["person_key", "account_id"], "is_role_admin")
    on = {"person_key": "person_key", "account_id": "account_id"}
    known = look_up(facts, held, on, "is_role_admin")
    return known.mutate(is_admin=known.is_admin | known.is_role_admin.notnull()).drop("is_role_admin")


def _told(rows: ir.Table, value: str) -> ir.Table:
    return rows.filter(rows[value].notnull())
