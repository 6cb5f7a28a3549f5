"""A company of three accounts and about 200 deliveries, written by hand in the layout of a simulated world.

Belongs here: fixture data for the sandbox's tests. Does not belong here: tests.
"""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

START = datetime(2025, 1, 6, tzinfo=UTC)
END = START + timedelta(days=3)
TS = pa.timestamp("us", tz="UTC")
S, I64, B, F64, D = pa.string(), pa.int64(), pa.bool_(), pa.float64(), pa.date32()

DELIVERY = pa.schema(
    [
        ("message_id", S), ("type", S), ("event", S), ("name", S), ("user_id", S), ("anonymous_id", S), ("previous_id", S),
        ("group_id", S), ("original_at", TS), ("sent_at", TS), ("received_at", TS), ("tz_offset_min", pa.int16()),
        ("side", S), ("library", S), ("library_version", S), ("device_type", S), ("browser", S), ("app_area", S),
        ("plan_tier", S), ("feature_flag", S), ("feature", S), ("workflow", S), ("workflow_id", S), ("workflow_step", S),
        ("workflow_state", S), ("duration_ms", pa.int32()), ("error_code", S), ("role", S), ("email", S),
        ("account_id", S), ("amount_usd_cents", I64), ("quantity", pa.int32()), ("defect", S), ("delivery_no", I64),
    ]
)  # fmt: skip
AMPLITUDE = pa.schema(
    [
        ("insert_id", S), ("event_type", S), ("user_id", S), ("device_id", S), ("session_id", I64), ("event_time", TS),
        ("client_upload_time", TS), ("server_received_time", TS), ("library", S), ("platform", S), ("group_id", S),
        ("feature", S), ("workflow", S), ("workflow_id", S), ("workflow_step", S), ("workflow_state", S),
        ("duration_ms", pa.int32()), ("error_code", S), ("quantity", pa.int32()),
    ]
)  # fmt: skip
TABLES = {
    "zendesk_tickets": pa.schema(
        [
            ("ticket_id", I64), ("created_at", TS), ("updated_at", TS), ("generated_at", TS), ("status", S), ("priority", S),
            ("type", S), ("subject", S), ("description", S), ("requester_id", I64), ("organization_id", I64),
            ("assignee_id", I64), ("group_id", I64), ("tags", pa.list_(S)), ("via_channel", S),
        ]
    ),
    "zendesk_ticket_events": pa.schema(
        [
            ("event_id", I64), ("ticket_id", I64), ("occurred_at", TS), ("updater_id", I64), ("via", S), ("field", S),
            ("value", S), ("previous_value", S), ("comment_body", S), ("is_public", B),
        ]
    ),
    "zendesk_users": pa.schema(
        [
            ("zendesk_user_id", I64), ("name", S), ("email", S), ("role", S), ("organization_id", I64),
            ("external_id", S), ("created_at", TS), ("updated_at", TS),
        ]
    ),
    "zendesk_organizations": pa.schema(
        [("organization_id", I64), ("name", S), ("external_id", S), ("created_at", TS), ("updated_at", TS)]
    ),
    "documents": pa.schema(
        [("document_id", S), ("kind", S), ("account_id", S), ("title", S), ("created_at", TS), ("author", S), ("body", S)]
    ),
    "gong_users": pa.schema(
        [
            ("id", S), ("emailAddress", S), ("firstName", S), ("lastName", S), ("title", S), ("phoneNumber", S),
            ("managerId", S), ("active", B), ("created", TS),
        ]
    ),
    "gong_calls": pa.schema(
        [
            ("id", S), ("url", S), ("title", S), ("scheduled", TS), ("started", TS), ("duration", pa.int32()),
            ("primaryUserId", S), ("direction", S), ("system", S), ("scope", S), ("media", S), ("language", S),
            ("workspaceId", S), ("purpose", S), ("meetingUrl", S), ("isPrivate", B), ("calendarEventId", S),
            ("account_sf_id", S), ("parties", S), ("readable_at", TS),
        ]
    ),
    "gong_transcripts": pa.schema(
        [("call_id", S), ("speaker_id", S), ("topic", S), ("start_ms", pa.int32()), ("end_ms", pa.int32()), ("text", S)]
    ),
    "zendesk_satisfaction_ratings": pa.schema(
        [
            ("id", I64), ("score", S), ("comment", S), ("ticket_id", I64), ("requester_id", I64), ("assignee_id", I64),
            ("group_id", I64), ("created_at", TS), ("updated_at", TS),
        ]
    ),
    "zendesk_ticket_metric_events": pa.schema(
        [("id", I64), ("ticket_id", I64), ("metric", S), ("instance_id", I64), ("type", S), ("time", TS)]
    ),
    "zendesk_conversations": pa.schema(
        [
            ("conversation_id", S), ("ticket_id", I64), ("organization_id", I64), ("requester_id", I64), ("channel", S),
            ("created_at", TS), ("updated_at", TS),
        ]
    ),
    "zendesk_conversation_messages": pa.schema(
        [
            ("message_id", S), ("conversation_id", S), ("author_type", S), ("author_id", I64), ("body", S), ("sent_at", TS),
        ]
    ),
    "salesforce_user": pa.schema(
        [("Id", S), ("Name", S), ("Email", S), ("IsActive", B), ("CreatedDate", TS), ("SystemModstamp", TS)]
    ),
    "salesforce_account": pa.schema(
        [
            ("Id", S), ("Name", S), ("ParentId", S), ("OwnerId", S), ("Type", S), ("NumberOfEmployees", I64),
            ("Product_Account_Id__c", S), ("IsDeleted", B), ("CreatedDate", TS), ("LastModifiedDate", TS),
            ("SystemModstamp", TS),
        ]
    ),
    "salesforce_contact": pa.schema(
        [
            ("Id", S), ("AccountId", S), ("Email", S), ("LastName", S), ("CreatedDate", TS), ("SystemModstamp", TS),
            ("IsDeleted", B),
        ]
    ),
    "salesforce_opportunity": pa.schema(
        [
            ("Id", S), ("AccountId", S), ("StageName", S), ("Amount", F64), ("CloseDate", D), ("IsWon", B),
            ("CreatedDate", TS), ("SystemModstamp", TS),
        ]
    ),
    "salesforce_contract": pa.schema(
        [
            ("Id", S), ("AccountId", S), ("Status", S), ("StartDate", D), ("EndDate", D), ("ContractTerm", I64),
            ("MRR_USD__c", F64), ("Notice_Date__c", D), ("CreatedDate", TS), ("SystemModstamp", TS),
        ]
    ),
    "salesforce_contract_history": pa.schema(
        [("Id", S), ("ContractId", S), ("Field", S), ("OldValue", S), ("NewValue", S), ("CreatedDate", TS)]
    ),
    "salesforce_account_history": pa.schema(
        [("Id", S), ("AccountId", S), ("Field", S), ("OldValue", S), ("NewValue", S), ("CreatedDate", TS)]
    ),
    "releases": pa.schema(
        [
            ("release_id", S), ("version", S), ("title", S), ("kind", S), ("component", S), ("notes", S), ("flag_key", S),
            ("released_at", TS),
        ]
    ),
    "flag_exposures": pa.schema(
        [("flag_key", S), ("account_id", S), ("workspace_id", S), ("exposed_at", TS), ("variant", S)]
    ),
    "public_calendar": pa.schema(
        [("name", S), ("kind", S), ("utc_offset_min", pa.int32()), ("industry", S), ("starts_on", D), ("ends_on", D)]
    ),
}  # fmt: skip
ACCOUNTS = ["001000000000001AAA", "001000000000002AAA", "001000000000003AAA"]
OWNER = "005000000000001AAA"
CONTACT_COUNT = 4100
CALL_COUNT = 205
DEFECTS = ["truncated", "missing_event", "missing_ids", "user_id_number", "bad_timestamp", "far_future", "not_json"]


def write_company(root: Path, deliveries_per_day: int = 67) -> Path:
    """Write the company and return its folder."""
    (root / "deliveries").mkdir(parents=True)
    world = {"accounts": 3, "days": 3, "seed": 1, "start": "2025-01-06T00:00:00Z", "end": "2025-01-09T00:00:00Z"}
    (root / "world.json").write_text(json.dumps(world))
    for day in range(3):
        rows = deliveries(day, deliveries_per_day)
        path = root / "deliveries" / f"received_date={(START + timedelta(days=day)).date()}.parquet"
        pq.write_table(pa.Table.from_pylist(rows, DELIVERY), path)
        copies = pa.Table.from_pylist(second_tool_copies(rows), AMPLITUDE)
        (root / "amplitude_events").mkdir(exist_ok=True)
        pq.write_table(copies, root / "amplitude_events" / path.name)
    for name, rows in small_tables().items():
        pq.write_table(pa.Table.from_pylist(rows, TABLES[name]), root / f"{name}.parquet")
    return root


def deliveries(day: int, count: int) -> list[dict[str, Any]]:
    """Make one day: mostly tracks, one of each other type, and on the last day one of each defect."""
    rows = [_track(day, number, START + timedelta(days=day, seconds=40 * number)) for number in range(count)]
    for number, kind in enumerate(("identify", "group", "alias", "page")):
        extra = {"role": "admin", "email": "ann@acme.example", "account_id": "acc_00001", "name": "Reports"}
        rows[number] |= {"type": kind, "event": None, "previous_id": "anon-0" if kind == "alias" else None, **extra}
    if day == 2:
        for number, defect in enumerate(DEFECTS):
            rows[20 + 2 * number] |= {"defect": defect}
    return rows


def _track(day: int, number: int, at: datetime) -> dict[str, Any]:
    is_client = number % 3 != 2
    return {
        "message_id": f"m-{day}-{number}",
        "type": "track",
        "event": 'Report "Generated"',
        "user_id": f"u_{number % 7}",
        "anonymous_id": f"anon-{number % 5}" if is_client else None,
        "group_id": "ws_1",
        "original_at": at + timedelta(hours=1),
        "sent_at": at + timedelta(hours=1, seconds=2, milliseconds=5),
        "received_at": at + timedelta(seconds=3, microseconds=250_400),
        "tz_offset_min": -330 if number == 7 else 0,
        "side": "client" if is_client else "server",
        "library": "analytics.js" if is_client else "analytics-python",
        "library_version": "2.1.0",
        "device_type": "desktop" if is_client else None,
        "browser": "Chrome" if is_client else None,
        "feature": "pivot",
        "duration_ms": 1200,
        "delivery_no": day * 1000 + number,
    }


def second_tool_copies(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What Amplitude holds of some deliveries: tracks with an even number forwarded, those with an odd one sent by its own client."""
    copies = []
    for row in rows:
        if row["type"] == "track" and not row.get("defect"):
            is_own = row["delivery_no"] % 2 == 1
            copies.append(
                {
                    "insert_id": f"own-{row['message_id']}" if is_own else row["message_id"],
                    "event_type": row["event"],
                    "user_id": row["user_id"],
                    "device_id": row["anonymous_id"],
                    "session_id": -1,
                    "event_time": row["original_at"] if is_own else row["received_at"] - timedelta(seconds=2),
                    "client_upload_time": row["sent_at"] if is_own else row["received_at"],
                    "server_received_time": row["received_at"] + timedelta(seconds=1),
                    "library": "amplitude-ts" if is_own else "segment",
                    "platform": "Web" if row["side"] == "client" else "Server",
                    "group_id": row["group_id"],
                    "feature": row["feature"],
                    "duration_ms": row["duration_ms"],
                }
            )
    return copies


def small_tables() -> dict[str, list[dict[str, Any]]]:
    """Make every table but the deliveries."""
    return {**zendesk_tables(), **gong_tables(), **salesforce_tables(), **change_tables()}


def call_id(number: int) -> str:
    """Id of a call; longer than a float holds."""
    return str(7_200_000_000_000_000_001 + number)


def gong_tables() -> dict[str, list[dict[str, Any]]]:
    """Make one user and CALL_COUNT calls; the first is private, the last cannot be read before the end."""
    return {
        "gong_users": [
            {"id": "4100000000000000001", "emailAddress": "o@acme.example", "firstName": "Olga", "lastName": "Owner",
             "active": True, "created": START - timedelta(days=30)}
        ],
        "gong_calls": [_call(number) for number in range(CALL_COUNT)],
        "gong_transcripts": [
            {"call_id": call_id(number), "speaker_id": speaker, "topic": topic, "start_ms": start, "end_ms": start + 900,
             "text": words}
            for number in range(CALL_COUNT)
            for start, speaker, topic, words in (
                (0, "501", "Agenda", "Shall we start?"),
                (1_000, "502", "Product", "The import fails every day."),
                (2_000, "502", "Product", "We may not renew."),
                (3_000, "501", "Next steps", "I send you the notes."),
            )
        ],
    }  # fmt: skip


def _call(number: int) -> dict[str, Any]:
    key, planned = call_id(number), START + timedelta(minutes=20 * number)
    parties = [
        {"id": f"{key}0", "emailAddress": "o@acme.example", "name": "Olga Owner", "title": None, "speakerId": "501",
         "userId": "4100000000000000001", "affiliation": "Internal", "methods": ["Attendee"]},
        {"id": f"{key}1", "emailAddress": "c0@x.example", "name": "Ann O'Neil", "speakerId": "502",
         "affiliation": "External", "methods": ["Attendee"]},
    ]  # fmt: skip
    return {
        "id": key, "url": f"https://app.gong.example/call?id={key}", "title": f"Review {number}", "scheduled": planned,
        "started": planned + timedelta(seconds=30), "duration": 4, "primaryUserId": "4100000000000000001",
        "direction": "Conference", "system": "Zoom", "scope": "External", "media": "Video", "language": "eng",
        "workspaceId": "620000000000000017", "isPrivate": number == 0, "calendarEventId": "abc",
        "account_sf_id": ACCOUNTS[number % 3], "parties": json.dumps(parties),
        "readable_at": planned + timedelta(hours=1) if number < CALL_COUNT - 1 else None,
    }  # fmt: skip


def change_tables() -> dict[str, list[dict[str, Any]]]:
    """Make two releases, one of them behind a flag, a rollout, a season, and four documents."""
    release = {"kind": "feature", "component": "search", "notes": "A faster search."}
    return {
        "releases": [
            {**release, "release_id": f"rel_{n}", "version": f"3.0.{n}", "title": f"Search {n}",
             "flag_key": "flag_search" if n else None, "released_at": START + timedelta(days=n)}
            for n in range(2)
        ],
        "flag_exposures": [
            {"flag_key": flag, "account_id": "acc_00001", "workspace_id": "ws_1", "exposed_at": START + timedelta(days=1, hours=n),
             "variant": "on"}
            for n, flag in enumerate(("flag_search", "rollout_wave"))
        ],
        "documents": [
            {"document_id": f"doc_{n}", "kind": kind, "account_id": account, "title": f"Notes {n}", "author": "Olga Owner",
             "created_at": START + timedelta(hours=n), "body": "We met.\n\nOne participant: “The import fails every day.”"}
            for n, (kind, account) in enumerate(
                (("research", "acc_00001"), ("transcript", "acc_00001"), ("contract_note", "acc_00001"), ("research", None))
            )
        ],
        "public_calendar": [
            {"name": "Media season", "kind": "season", "industry": "Media", "starts_on": date(2025, 1, 20),
             "ends_on": date(2025, 3, 10)}
        ],
    }  # fmt: skip


def zendesk_tables() -> dict[str, list[dict[str, Any]]]:
    """Make seven tickets, their events, three people and three organizations."""
    old = START - timedelta(days=30)
    return {
        "zendesk_tickets": [_ticket(number) for number in range(1, 8)],
        "zendesk_ticket_events": _ticket_events(),
        "zendesk_users": [
            {"zendesk_user_id": 900 + n, "name": f"P{n}", "email": f"p{n}@acme.example", "role": "end-user",
             "organization_id": 50 + n, "external_id": f"u_{n}", "created_at": old, "updated_at": START}
            for n in range(3)
        ],
        "zendesk_organizations": [
            {"organization_id": 50 + n, "name": f"Org {n}", "external_id": f"acc_0000{n + 1}", "created_at": old,
             "updated_at": START + timedelta(hours=n)}
            for n in range(3)
        ],
        "zendesk_satisfaction_ratings": [
            {"id": 600 + n, "score": score, "comment": comment, "ticket_id": 1, "requester_id": 900,
             "created_at": START + timedelta(hours=n), "updated_at": START + timedelta(hours=n + 1)}
            for n, (score, comment) in enumerate((("good", None), ("bad", "Far too slow"), ("offered", None)))
        ],
        "zendesk_ticket_metric_events": [
            {"id": 700 + n, "ticket_id": 1, "metric": metric, "instance_id": instance, "type": kind,
             "time": START + timedelta(minutes=minutes)}
            for n, (metric, instance, kind, minutes) in enumerate(MEASURED)
        ],
        **_chats(),
    }  # fmt: skip


MEASURED = [
    ("reply_time", 1, "activate", 0), ("resolution_time", 1, "activate", 0), ("reply_time", 1, "breach", 4),
    ("reply_time", 1, "fulfill", 5), ("resolution_time", 1, "fulfill", 10), ("resolution_time", 2, "activate", 20),
    ("resolution_time", 2, "fulfill", 50),
]  # fmt: skip
"""Metric, instance, type, minutes; ticket 1's audits tell the first solution and the reopening, not the second solution."""


def _chats() -> dict[str, list[dict[str, Any]]]:
    """Two chats: one that ended in ticket 2, one for itself."""
    chats = [("chat-a", 2, 50, 900), ("chat-b", None, 51, 901)]
    words = (
        ("bot", -1, "Hi, what is it about?"),
        ("end_user", 900, "The import fails"),
        ("agent", 9, "We look into it"),
    )
    return {
        "zendesk_conversations": [
            {"conversation_id": key, "ticket_id": ticket, "organization_id": organization, "requester_id": person,
             "channel": "web_widget", "created_at": START + timedelta(hours=n), "updated_at": START + timedelta(hours=n, minutes=2)}
            for n, (key, ticket, organization, person) in enumerate(chats)
        ],
        "zendesk_conversation_messages": [
            {"message_id": f"{key}-{n}", "conversation_id": key, "author_type": kind, "author_id": author, "body": body,
             "sent_at": START + timedelta(hours=hour, minutes=n)}
            for hour, (key, *_) in enumerate(chats) for n, (kind, author, body) in enumerate(words)
        ],
    }  # fmt: skip


def salesforce_tables() -> dict[str, list[dict[str, Any]]]:
    """Make three accounts with their contracts, and more contacts than fit on two pages."""
    stamps = {"CreatedDate": START - timedelta(days=30), "SystemModstamp": START}
    return {
        "salesforce_user": [{"Id": OWNER, "Name": "Olga", "Email": "o@acme.example", "IsActive": True, **stamps}],
        "salesforce_account": [
            {"Id": key, "Name": f"Account {n}", "OwnerId": OWNER, "Type": "Customer", "NumberOfEmployees": 10 * n,
             "Product_Account_Id__c": f"acc_0000{n + 1}", "IsDeleted": n == 2, "LastModifiedDate": START,
             "CreatedDate": START - timedelta(days=30), "SystemModstamp": START + timedelta(hours=n, milliseconds=123)}
            for n, key in enumerate(ACCOUNTS)
        ],
        "salesforce_contact": [
            {"Id": f"003{n:012d}AAA", "AccountId": ACCOUNTS[n % 3], "Email": f"c{n}@x.example", "LastName": f"O'Neil {n}",
             "IsDeleted": False, **stamps}
            for n in range(CONTACT_COUNT)
        ],
        "salesforce_opportunity": [
            {"Id": "006000000000001AAA", "AccountId": ACCOUNTS[0], "StageName": "Closed Won", "Amount": 1200.5,
             "CloseDate": date(2025, 2, 1), "IsWon": True, **stamps}
        ],
        "salesforce_contract": [
            {"Id": f"80000000000000{n}AAA", "AccountId": key, "Status": "Activated", "StartDate": date(2025, 1, 1),
             "EndDate": date(2026, 1, 1), "ContractTerm": 12, "MRR_USD__c": 100.0, **stamps}
            for n, key in enumerate(ACCOUNTS)
        ],
        "salesforce_contract_history": [
            {"Id": "8H0000000000001AAA", "ContractId": "800000000000000AAA", "Field": "Status", "OldValue": "Draft",
             "NewValue": "Activated", "CreatedDate": START}
        ],
        "salesforce_account_history": [],
    }  # fmt: skip


def _ticket(number: int) -> dict[str, Any]:
    """Tickets 1 to 7; 3 and 4 share their second, 7 lies in the newest minute."""
    generated = {4: START + timedelta(hours=3), 7: END - timedelta(seconds=20)}.get(
        number, START + timedelta(hours=number)
    )
    return {
        "ticket_id": number, "created_at": START, "updated_at": START + timedelta(minutes=5), "generated_at": generated,
        "status": "open", "priority": None, "type": "question", "subject": f"Ticket {number}", "description": "It fails",
        "requester_id": 900, "organization_id": 50, "assignee_id": None, "group_id": None, "tags": ["billing"],
        "via_channel": "web",
    }  # fmt: skip


def _ticket_events() -> list[dict[str, Any]]:
    """Ticket 1: opened with a comment, solved, reopened; ticket 2: opened."""

    def event(key: int, ticket: int, minutes: int, field: str | None, value: str | None, before: str | None = None):
        return {
            "event_id": key, "ticket_id": ticket, "occurred_at": START + timedelta(minutes=minutes), "updater_id": 900,
            "via": "web", "field": field, "value": value, "previous_value": before,
            "comment_body": None if field else "Please <help>", "is_public": None if field else True,
        }  # fmt: skip

    return [
        event(1, 1, 0, "status", "new"),
        event(2, 1, 0, None, None),
        event(3, 1, 10, "status", "solved", "open"),
        event(4, 1, 20, "status", "open", "solved"),
        event(5, 2, 20, "status", "new"),
        event(6, 2, 30, "tags", "billing urgent", "billing"),
    ]
