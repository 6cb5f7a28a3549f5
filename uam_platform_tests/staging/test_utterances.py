"""What Zendesk's records become as utterances: redacted, with author, account and pointer."""

from datetime import datetime, timedelta
from typing import Any

from uam_platform.lake.loads import Load
from uam_platform.staging.record_log import Record
from uam_platform.staging.redaction import redactor_of
from uam_platform.staging.utterances import ticket_utterances

AT = "2025-03-01T12:00:00Z"
LOAD = Load("20250302T000000Z-1-zendesk", "zendesk", "2025-03-02T00:00:00", {}, {})


def record(kind: str, number: int, **payload: Any) -> Record:
    return Record(LOAD, kind, number, str(number), datetime(2025, 3, 1), payload)  # noqa: DTZ001


USERS = [
    record("user", 1, name="Rosa Petrov", role="end-user"),
    record("user", 2, name="Sam Agent", role="agent"),
]
TICKET = record("ticket", 7, description="Import fails, call +1 415 555 0132.\n\nBest\nRosa Petrov", created_at=AT)


def comment(number: int, author: int, body: str, event_type: str = "Change") -> Record:
    children = [
        {"id": 100 + number, "event_type": "Comment", "author_id": author, "body": body},
        {"id": 200 + number, "event_type": event_type, "status": "open"},
    ]
    return record("ticket_event", number, ticket_id=7, created_at=AT, child_events=children)


def utterances(*events: Record) -> list[dict[str, Any]]:
    tickets = [{"source": "zendesk", "ticket_id": "zendesk:7", "account_id_source": "acc_1"}]
    desk = {"user": USERS, "ticket": [TICKET], "ticket_event": events}
    return ticket_utterances(desk, tickets, redactor_of(USERS), timedelta(hours=6))


def test_a_description_is_redacted_and_points_at_its_record() -> None:
    (found,) = utterances()
    assert found["text"] == "Import fails, call [phone].\n\nBest\n[name]"
    assert found["redaction_count"] == 2
    assert (found["channel"], found["account_id"], found["load_id"], found["row_no"]) == (
        "ticket",
        "acc_1",
        LOAD.load_id,
        7,
    )


def test_comments_know_whether_a_customer_or_staff_wrote_them() -> None:
    found = utterances(comment(1, 1, "Still broken, asks Rosa"), comment(2, 2, "We look into it"))
    assert [(u["author_kind"], u["text"]) for u in found[1:]] == [
        ("customer", "Still broken, asks [name]"), ("agent", "We look into it"),
    ]  # fmt: skip


def test_the_comment_that_creates_a_ticket_is_its_description_and_not_told_twice() -> None:
    assert len(utterances(comment(1, 1, "Import fails", event_type="Create"))) == 1
