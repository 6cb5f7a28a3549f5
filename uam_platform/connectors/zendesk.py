"""Zendesk: tickets and what happened to them, metric events, satisfaction, chats, messaging, users and organisations.

Here: reading all streams and landing them, and the look of `uam doctor`. Not here: the streams (`zendesk_streams`), their paging
(`zendesk_pages`), signing in and Zendesk's error words (`zendesk_session`), landing (`api_records`), what a ticket means
(`uam_platform.staging`).

Deleted tickets come through the ticket export with the status `deleted`.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from uam_platform.connectors.api_records import Pages, Record, land_records
from uam_platform.connectors.field_drift import FieldProfile
from uam_platform.connectors.http_json import JsonClient, Object, Wire
from uam_platform.connectors.zendesk_pages import Budget, conversation_log, pages, where
from uam_platform.connectors.zendesk_session import NAME, RefusedError, Session, ZendeskSource, explain
from uam_platform.connectors.zendesk_streams import CHATS, CONVERSATION_EVENT, EXPORTS, TICKETS, Export
from uam_platform.lake.loads import Load, LoadManifest

_NOT_THERE: Final = (403, 404)


def land(
    source: ZendeskSource,
    manifest: LoadManifest,
    load_id: str,
    now: datetime,
    progress: Callable[[str], None],
    *,
    wire: Wire | None = None,
) -> Load | None:
    """Land what changed since the last complete load, or the next part of it.

    Args:
        source: where and as whom.
        manifest: complete loads; the last one's state says where to go on.
        load_id: id of the new load.
        now: naive UTC.
        progress: told after every page and about every wait.
        wire: transport and patience; the network when absent.

    Returns:
        The committed load, or None when nothing changed.

    Raises:
        TransientError: Zendesk could not be reached or throttles longer than we wait.
        PermanentError: credentials, rights or settings are wrong.
    """
    last = manifest.last(NAME)
    state: dict[str, Any] = dict(last.state) if last else {}
    profile = FieldProfile(last.fields if last else {})
    budget = Budget(source.pages_per_load)
    client = JsonClient(wire or Wire(), progress, explain)
    try:
        reader = _Reader(Session(source, client), state, budget, profile, progress)
        exports = (*EXPORTS, CHATS) if source.chat_token else EXPORTS
        streams = {export.source_object: reader.records(export) for export in exports}
        return land_records(
            NAME, streams, state, client.counts, manifest, load_id, now, profile, is_partial=lambda: budget.is_partial
        )
    finally:
        client.close()


def probe(source: ZendeskSource, wire: Wire) -> str:
    """One cheap authenticated call, and one to Zendesk Chat where it is connected.

    Raises:
        ConnectorError: Zendesk cannot be reached or refuses; the message says what to do.
    """
    client = JsonClient(wire, lambda _: None, explain)
    try:
        session = Session(source, client)
        user = session.get("users/me.json", f"{NAME} users/me", {}, needs="user")["user"]
        if user.get("id") is None:  # a wrong token is an anonymous visitor here, under status 200
            what = "Zendesk takes us for an anonymous visitor"
            raise RefusedError(f"{NAME} users/me", what, "Check the tokens and that token access is switched on.")
        if user.get("role") != "admin":
            what = f"the token's user has the role {user.get('role')}"
            raise RefusedError(f"{NAME} users/me", what, "Incremental exports need an administrator.")
        chats = "no chats: UAM_ZENDESK_CHAT_TOKEN is not set"
        if source.chat_token:
            session.get(CHATS.path, where(CHATS), {"start_time": "0", "limit": "1"}, needs=CHATS.items)
            chats = "chats are read"
    finally:
        client.close()
    return f"accepted as administrator; {chats}"


@dataclass
class _Reader:
    """Reads the streams of one load, one page at a time."""

    session: Session
    state: dict[str, Any]
    budget: Budget
    profile: FieldProfile
    progress: Callable[[str], None]

    def records(self, export: Export) -> Pages:
        """Landed form of a stream's pages; of tickets also what was said on those from messaging."""
        read = 0
        try:
            for items in pages(export, self.session, self.state, self.budget):
                read += len(items)
                self.progress(f"{NAME} {export.source_object}: {read:,} records")
                self.profile.saw(export.source_object, items)
                yield records(export, items)
                if export is TICKETS:
                    yield from self._conversations(items)
        except RefusedError as error:
            if not export.is_optional or error.status not in _NOT_THERE:
                raise
            self.profile.lacks(export.source_object)
            self.progress(f"{where(export)}: left out, the account lacks it or hides it ({error.what})")

    def _conversations(self, tickets: Sequence[Object]) -> Iterator[Sequence[Record]]:
        for ticket in tickets:
            if ticket.get("from_messaging_channel") and ticket.get("status") != "deleted":
                yield from self._conversation(ticket["id"])

    def _conversation(self, ticket_id: int) -> Iterator[Sequence[Record]]:
        try:
            for events in conversation_log(ticket_id, self.session):
                told = [event | {"ticket_id": ticket_id} for event in events]
                self.profile.saw(CONVERSATION_EVENT, told)
                yield [
                    (CONVERSATION_EVENT, _text(e.get("id")), _text(e.get("created_at")), json.dumps(e, sort_keys=True))
                    for e in told
                ]
        except RefusedError as error:
            if error.status not in _NOT_THERE:
                raise
            self.progress(f"{NAME} conversation of ticket {ticket_id}: left out ({error.what})")


def records(export: Export, items: Sequence[Object]) -> list[Record]:
    """Landed form of the items of one page."""
    return [
        (
            export.source_object,
            _text(item.get("id")),
            _modified(item, export.modified),
            json.dumps(item, sort_keys=True),
        )
        for item in items
    ]


def _modified(item: Object, name: str) -> str | None:
    value = item.get(name) or item.get("updated_at") or item.get("timestamp")
    if isinstance(value, int):
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%dT%H:%M:%SZ}"
    return _text(value)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
