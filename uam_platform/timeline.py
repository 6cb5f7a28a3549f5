"""The timeline of one account: what happened, in order, each line with the rows it stands on (R1).

Here: reading lake and ledger into lines. Not here: what a line is (`timeline_lines`), releases and announcements (`timeline_changes`),
documents (`timeline_said`), the page with the plot (`timeline_page`), the command (`cli_account`). It shows what is
known now; what a snapshot saw is in the tables' known days. People are counted, never named.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from typing import Final

import ibis
import ibis.expr.types as ir
import pandas as pd
from sqlalchemy import select

from uam_platform.behavior.sequence_facts import Links, of_events
from uam_platform.contracts.tables import (
    EVENTS,
    HIERARCHY,
    JOURNEYS,
    MEMBERSHIPS,
    PEOPLE,
    SCORE_CHANGES,
    SCORES,
    SEQUENCE_MATCHES,
    SUBSCRIPTIONS,
    TICKET_EVENTS,
    TICKETS,
)
from uam_platform.kpis.week import week_changes, weekly
from uam_platform.ledger.models import AlertRow, OutboxRow
from uam_platform.temporal.asof import FOREVER
from uam_platform.timeline_changes import account_changes, company_changes
from uam_platform.timeline_lines import Line, Store, plain_rows
from uam_platform.timeline_said import told_of

_NAMES_SHOWN: Final = 4


def timeline(store: Store, account_id: str, first: date, last: date) -> list[Line]:
    """Lines of the days from `first` to `last`, both included, oldest first.

    Raises:
        ValueError: nothing at all is known of the account.
    """
    parts: tuple[Callable[[], Iterator[Line]], ...] = (
        lambda: _activity(store, account_id, first, last),
        lambda: _sequences(store, account_id),
        lambda: _journeys(store, account_id),
        lambda: _tickets(store, account_id),
        lambda: _contracts(store, account_id),
        lambda: _scores(store, account_id),
        lambda: _score_changes(store, account_id),
        lambda: _alerts(store, account_id),
        lambda: account_changes(store, account_id),
        lambda: told_of(store, account_id),
    )
    found = [line for part in parts for line in part()]
    if not found:
        raise ValueError(f"nothing is known of account {account_id!r} between {first} and {last}")
    found += company_changes(store, account_id)
    begin, end = datetime.combine(first, time.min), datetime.combine(last, time.max)
    return sorted((x for x in found if begin <= x.at <= end), key=lambda x: (x.at, x.kind, x.text))


def _activity(store: Store, account_id: str, first: date, last: date) -> Iterator[Line]:
    """One line per day and marker, with the most frequent names."""
    links = Links(*(store.lake.read(store.connection, c) for c in (HIERARCHY, PEOPLE, MEMBERSHIPS)))
    keys = [key for key in store.lake.keys(EVENTS) if first.isoformat() <= key <= last.isoformat()]
    events = store.lake.read(store.connection, EVENTS, keys)
    own = of_events(_of_account(events, links, account_id), links)
    own = own.filter((own.account_id == account_id) & (own.visible_to == ibis.literal(FOREVER)))
    named = own.join(events.select("event_hi", "event_lo", "marker"), ["event_hi", "event_lo"])
    counted = named.group_by(["event_date", "marker", "event_name"]).aggregate(
        event_count=named.count(), at=named.occurred_us.min(), person_count=named.person_key.nunique()
    )
    frame = counted.to_pandas().sort_values(
        ["event_date", "marker", "event_count", "event_name"], ascending=[True, True, False, True]
    )
    for (day, marker), rows in frame.groupby(["event_date", "marker"]):
        shown = [f"{row.event_name} {row.event_count}" for row in rows.head(_NAMES_SHOWN).itertuples()]
        more = f" and {len(rows) - _NAMES_SHOWN} more" if len(rows) > _NAMES_SHOWN else ""
        total, people = int(rows["event_count"].sum()), int(rows["person_count"].max())
        word = "activity" if marker == "none" else str(marker)
        text = f"{total} by at least {people} {'person' if people == 1 else 'people'}: {', '.join(shown)}{more}"
        moment = pd.Timestamp(int(rows["at"].min()), unit="us").to_pydatetime()
        yield Line(
            moment, word, text, f"staging/events event_date={pd.Timestamp(str(day)).date()} marker={marker}", total
        )


def _of_account(events: ir.Table, links: Links, account_id: str) -> ir.Table:
    """Events that may be of the account: in its workspaces, or in none by anybody who was ever a member."""
    owned = links.hierarchy.filter(links.hierarchy.account_id == account_id).workspace_key
    members = links.memberships.filter(links.memberships.account_id == account_id).person_key
    actors = links.people.filter(links.people.person_key.isin(members)).identifier_key
    return events.filter(
        events.workspace_key.isin(owned) | ((events.workspace_key == 0) & events.actor_key.isin(actors))
    )


def _sequences(store: Store, account_id: str) -> Iterator[Line]:
    for row in store.rows(SEQUENCE_MATCHES, account_id):
        if str(row["known_to_date"])[:10] == FOREVER.isoformat():
            name = str(row["sequence_name"]).replace("_", " ")
            text = f"{name}: completed in {row['step_count']} steps since {row['started_at']:%Y-%m-%d %H:%M}"
            yield Line(row["completed_at"], "sequence", text, f"behavior/sequence_steps match_id={row['match_id']}")


def _journeys(store: Store, account_id: str) -> Iterator[Line]:
    for row in store.rows(JOURNEYS, account_id):
        kind = str(row["journey_kind"]).replace("_", " ")
        times = f", {row['occurrence_count']} times" if row["occurrence_count"] > 1 else ""
        text = f"{kind}: {row['journey_subject']}{times}, since {row['started_at']:%Y-%m-%d}"
        yield Line(pd.Timestamp(row["event_date"]).to_pydatetime(), "journey", text, str(row["pointers"]))


def _tickets(store: Store, account_id: str) -> Iterator[Line]:
    tickets = store.lake.read(store.connection, TICKETS)
    own = tickets.filter(tickets.account_id_source == account_id).select("ticket_id")
    changes = store.lake.read(store.connection, TICKET_EVENTS).semi_join(own, "ticket_id")
    for row in plain_rows(changes.filter(~changes.change.isin(("changed", "commented"))).to_pandas()):
        priority = f", priority {row['priority']}" if row["priority"] else ""
        pointer = f"staging/ticket_events ticket_id={row['ticket_id']} load_id={row['load_id']} row_no={row['row_no']}"
        yield Line(row["occurred_at"], "ticket", f"{row['ticket_id']} {row['change']}{priority}", pointer)


def _contracts(store: Store, account_id: str) -> Iterator[Line]:
    words = {
        "started_at": "term started",
        "notice_at": "notice of end given",
        "term_end_at": "term ends",
        "ended_at": "ended",
    }
    for row in store.rows(SUBSCRIPTIONS, account_id):
        terms = f"{row['plan'] or 'no plan'}, {row['billing_period']}, ${row['mrr_usd_cents'] / 100:,.0f} a month"
        for column, word in words.items():
            if row[column] is not None:
                pointer = f"staging/subscriptions subscription_id={row['subscription_id']}"
                yield Line(row[column], "contract", f"{word} ({terms})", pointer)


def _scores(store: Store, account_id: str) -> Iterator[Line]:
    for row in store.rows(SCORES, account_id):
        text = f"churn probability {row['churn_probability']:.0%} ({row['score_low']:.0%} to {row['score_high']:.0%})"
        at = row["decision_at"]
        yield Line(at, "score", text, f"churn/scores as_of={pd.Timestamp(row['as_of']).date()} account_id={account_id}")


def _score_changes(store: Store, account_id: str) -> Iterator[Line]:
    """Weeks in which reasons came or went or the dollars at risk moved; weeks like the one before are left out."""
    days = weekly([date.fromisoformat(key) for key in store.lake.keys(SCORE_CHANGES)])
    for change in week_changes(store.connection, store.lake, account_id, days):
        if change.is_news:
            moment = datetime.combine(change.as_of, time(6))
            yield Line(moment, "change", " ".join(change.texts), "; ".join(change.pointers))


def _alerts(store: Store, account_id: str) -> Iterator[Line]:
    if store.ledger is None:
        return
    with store.ledger.transaction() as session:
        for alert in session.scalars(select(AlertRow).where(AlertRow.account_id == account_id)):
            pointer = f"ledger alerts alert_id={alert.alert_id}"
            yield Line(datetime.combine(alert.opened_as_of, time(6)), "alert", f"opened: {alert.title}", pointer)
            if alert.resolved_as_of:
                yield Line(
                    datetime.combine(alert.resolved_as_of, time(6)), "alert", f"resolved: {alert.title}", pointer
                )
        actions = select(OutboxRow).join(AlertRow, OutboxRow.alert_id == AlertRow.alert_id)
        for action in session.scalars(actions.where(AlertRow.account_id == account_id)):
            text = f"{action.action} to {action.destination}: {action.state.replace('_', ' ')}"
            pointer = f"ledger outbox idempotency_key={action.idempotency_key}"
            yield Line(action.sent_at or action.created_at, "action", text, pointer)
