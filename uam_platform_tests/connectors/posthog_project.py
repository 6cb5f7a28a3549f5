"""A PostHog project by hand: events as its query API and its batch exports give them.

Belongs here: doubles and written files. Does not belong here: tests.
"""

import gzip
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq

from uam_platform_tests.connectors.fakes import reply

START = datetime(2025, 1, 6, tzinfo=UTC)


def uuid(number: int) -> str:
    return f"0194a000-0000-7000-8000-{number:012d}"


def event(
    number: int, name: str = "report_exported", distinct_id: str = "u_1", seconds: int | None = None, **properties: Any
):
    """One event; several share a moment."""
    at = START + timedelta(seconds=number // 3 if seconds is None else seconds)
    return {
        "uuid": uuid(number),
        "event": name,
        "distinct_id": distinct_id,
        "timestamp": f"{at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "created_at": f"{at + timedelta(seconds=2):%Y-%m-%dT%H:%M:%S.%fZ}",
        "properties": {"$lib": "web", "$browser": "Chrome", **properties},
    }


@dataclass
class Project:
    """Answers the connector's query, and no other; lists persons, two a page."""

    events: list[dict[str, Any]]
    objects: bool = False
    asked: list[str] = field(default_factory=list)
    persons: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return self._page(int(request.url.params.get("offset", 0)))
        text = json.loads(request.content)["query"]["query"]
        self.asked.append(text)
        at = re.search(r"created_at > toDateTime64\('([^']+)', 6, 'UTC'\)", text)
        after, size = re.search(r"toString\(uuid\) > '([^']*)'", text), re.search(r"LIMIT (\d+)$", text)
        assert at, text
        assert after, text
        assert size, text
        position = (f"{at[1].replace(' ', 'T')}Z", after[1])
        due = sorted((e["created_at"], e["uuid"], e["event"]) for e in self.events)
        keys = [key for *key, name in due if tuple(key) > position and not name.startswith("$snapshot")]
        page = [next(e for e in self.events if e["uuid"] == key) for _, key in keys[: int(size[1])]]
        columns = text.removeprefix("SELECT ").split(" FROM ")[0].split(", ")
        return reply(
            {
                "results": [[self._cell(each[name]) for name in columns] for each in page],
                "columns": columns,
                "hasMore": len(keys) > len(page),
            }
        )

    def _page(self, offset: int) -> httpx.Response:
        following = f"https://elsewhere.example/api/projects/17/persons/?limit=2&offset={offset + 2}"
        is_last = offset + 2 >= len(self.persons)
        return reply({"results": self.persons[offset : offset + 2], "next": None if is_last else following})

    def _cell(self, value: Any) -> Any:
        return json.dumps(value) if isinstance(value, dict) and not self.objects else value


def person(number: int, *distinct_ids: str, **properties: Any) -> dict[str, Any]:
    """One person as the list has it."""
    return {
        "id": uuid(number), "uuid": uuid(number), "distinct_ids": list(distinct_ids), "is_identified": True,
        "created_at": "2025-01-06T00:00:00.000000Z", "properties": {"$geoip_city_name": "Oslo", **properties},
    }  # fmt: skip


def exported(*persons: dict[str, Any], is_deleted: bool = False) -> list[dict[str, Any]]:
    """Rows of a batch export of the model persons."""
    return [
        {
            "team_id": 17, "distinct_id": each, "person_id": one["uuid"], "properties": one["properties"], "person_version": 1,
            "person_distinct_id_version": 0, "created_at": one["created_at"], "is_deleted": is_deleted,
        }
        for one in persons for each in one["distinct_ids"]
    ]  # fmt: skip


def write_lines(folder: Path, name: str, events: list[Any]) -> None:
    """A JSON lines file of a batch export; text is written as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in events)
    (folder / name).write_bytes(gzip.compress(text.encode(), mtime=0) if name.endswith(".gz") else text.encode())


def write_parquet(folder: Path, name: str, events: list[dict[str, Any]], **more: Any) -> None:
    """A Parquet file of a batch export: properties as text, times as timestamps; `more` are further columns."""
    folder.mkdir(parents=True, exist_ok=True)
    moments = {
        key: pa.array([datetime.fromisoformat(e[key]) for e in events], pa.timestamp("us", "UTC"))
        for key in ("timestamp", "created_at")
    }
    columns = {key: [e[key] for e in events] for key in ("uuid", "event", "distinct_id")}
    properties = {"properties": [json.dumps(e["properties"]) for e in events]}
    pq.write_table(pa.table({**columns, **moments, **properties, **more}), folder / name, compression="zstd")
