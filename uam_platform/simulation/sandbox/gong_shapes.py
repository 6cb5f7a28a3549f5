"""Gong's JSON objects from a company's rows.

Belongs here: shapes of users, calls and transcripts. Does not belong here: HTTP and paging (`gong.py`). Shapes follow Gong's public
description of its API, version 2.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from uam_platform.simulation.sandbox.company import Row

Object = dict[str, Any]


def user(row: Row) -> Object:
    """A user; what the company does not hold is null or empty, as in real answers."""
    return {
        "id": row["id"], "emailAddress": row["emailAddress"], "created": _zoned(row["created"]), "active": row["active"],
        "emailAliases": [], "trustedEmailAddress": None, "firstName": row["firstName"], "lastName": row["lastName"],
        "title": row["title"], "phoneNumber": row["phoneNumber"], "extension": None, "personalMeetingUrls": [],
        "settings": {"webConferencesRecorded": True, "telephonyCallsImported": False, "emailsImported": False},
        "managerId": row["managerId"], "meetingConsentPageUrl": None, "conferencingProviders": None, "spokenLanguages": [],
    }  # fmt: skip


def basics(row: Row) -> Object:
    """The metadata of a call, as the list of calls shows it."""
    return {
        "id": row["id"], "url": row["url"], "title": row["title"], "scheduled": _zoned(row["scheduled"]),
        "started": _zoned(row["started"]), "duration": row["duration"], "primaryUserId": row["primaryUserId"],
        "direction": row["direction"], "system": row["system"], "scope": row["scope"], "media": row["media"],
        "language": row["language"], "workspaceId": row["workspaceId"], "sdrDisposition": None, "clientUniqueId": None,
        "customData": None, "purpose": row["purpose"], "meetingUrl": row["meetingUrl"], "isPrivate": row["isPrivate"],
        "calendarEventId": row["calendarEventId"],
    }  # fmt: skip


def call(row: Row, parties: list[Object], lines: Iterable[Row], selector: Object) -> Object:
    """A call with what `selector` (a ContentSelector) asks for."""
    exposed = selector.get("exposedFields") or {}
    found: Object = {"metaData": basics(row)}
    if selector.get("context", "None") != "None":
        account = {"objectType": "Account", "objectId": row["account_sf_id"], "fields": []}
        found["context"] = [{"system": "Salesforce", "objects": [account]}]
    if exposed.get("parties"):
        found["parties"] = [{"context": [], **party} for party in parties]
    if (exposed.get("content") or {}).get("topics"):
        found["content"] = {"topics": _topics(lines), "trackers": []}
    return found


def transcript(call_id: str, lines: Iterable[Row]) -> Object:
    """Monologues: what one voice says on one topic without another in between; times are milliseconds."""
    spoken = groupby(lines, key=lambda line: (line["speaker_id"], line["topic"]))
    return {
        "callId": call_id,
        "transcript": [
            {"speakerId": speaker, "topic": topic, "sentences": [_sentence(line) for line in own]}
            for (speaker, topic), own in spoken
        ],
    }


def _sentence(line: Row) -> Object:
    return {"start": line["start_ms"], "end": line["end_ms"], "text": line["text"]}


def _topics(lines: Iterable[Row]) -> list[Object]:
    """Seconds of talk by topic, longest first."""
    totals: dict[str, int] = {}
    for line in lines:
        totals[line["topic"]] = totals.get(line["topic"], 0) + line["end_ms"] - line["start_ms"]
    ordered = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    return [{"name": name, "duration": length // 1_000} for name, length in ordered]


def _zoned(moment: Any) -> str | None:
    """ISO 8601 with an offset, as Gong writes times."""
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "+00:00"
