"""Rows without what identity keeps out (staff, robots, tests), where no account is attached.

Here: rows by account and snapshot, and events of a closed stretch of days. Not here: rows that are attached to accounts (`attach`
leaves it out itself), whom a rule keeps out (`uam_platform.identity.exclusions`).
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from uam_platform.temporal.asof import first_snapshot, next_day


def customer_rows(rows: ir.Table, excluded: ir.Table) -> ir.Table:
    """Rows of accounts that were customers on the day before the snapshot, as the snapshot knows.

    Args:
        rows: any with `account_id` and `as_of`.
        excluded: EXCLUDED_ACCOUNTS.
    """
    out = excluded.select(
        out_account_id=excluded.account_id,
        out_from=next_day(excluded.valid_from_date),
        out_to=first_snapshot(excluded.valid_to_date),
        seen_from=first_snapshot(excluded.known_from_date),
        seen_to=first_snapshot(excluded.known_to_date),
    )
    return rows.anti_join(
        out,
        [
            rows.account_id == out.out_account_id,
            rows.as_of >= out.out_from,
            rows.as_of < out.out_to,
            rows.as_of >= out.seen_from,
            rows.as_of < out.seen_to,
        ],
    )


def customer_events(events: ir.Table, people: ir.Table, hierarchy: ir.Table, until: date) -> ir.Table:
    """Events of nobody who is kept out and in no workspace that is, as the snapshot of `until` knows.

    Args:
        events: EVENTS.
        people: PEOPLE.
        hierarchy: HIERARCHY.
        until: day of the snapshot.
    """
    acting = people.filter(people.identifier_kind.isin(("user", "anonymous")))
    named = ((acting, "identifier_key", "actor_key"), (hierarchy, "workspace_key", "workspace_key"))
    for links, key, column in named:
        out = links.filter(
            links.exclusion.notnull(), links.known_from_date < until, links.known_to_date >= ibis.literal(until)
        )
        out = out.select(out_key=out[key], out_from=out.valid_from_date, out_to=out.valid_to_date)
        events = events.anti_join(
            out,
            [events[column] == out.out_key, events.event_date >= out.out_from, events.event_date < out.out_to],
        )
    return events
