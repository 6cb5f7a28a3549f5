"""What systems drop into the bucket `acme-exports`: releases, flags, the calendar, documents, backend logs, another tool's signals.

Belongs here: the files' names and shapes, and the index of the bucket. Does not belong here: the S3 protocol (`s3.py`), events
(`segment_archive.py`), the inside of documents (`document_files.py`), lines of logs (`log_files.py`), signals (`exchange_signals.py`).
The same company gives the same bytes; files are written anew at each start.

Releases look as GitHub lists them, exposures are the CSV of a flag system, the calendar is one JSON list.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from uam_platform.simulation.sandbox import document_files, exchange_signals, log_files
from uam_platform.simulation.sandbox.company import Company, Row
from uam_platform.simulation.sandbox.segment_archive import ArchivedObject, SegmentArchive

RELEASES_PREFIX: Final = "releases"
LOGS_PREFIX: Final = "logs"
_ID_OF_FIRST: Final = 190_000_001
_STANDING: Final = timedelta(days=42)


def prepare(company: Company, state: Path, now: datetime, *, has_logs: bool = False) -> SegmentArchive:
    """Write the files and return the bucket's index.

    Args:
        company: whose systems they are.
        state: folder to keep the files in.
        now: clock of the sandbox; what happened later is left out.
        has_logs: whether the backend's logs are among them.
    """
    folder = state / "exports"
    objects = [_write(folder, key, content, now) for key, content in _files(company, now)]
    if company.has("documents"):
        objects.append(
            _write(folder, f"{document_files.PREFIX}/.keep", b"", now)
        )  # the folder is there before its first document
        papers = document_files.files(company.rows("documents"), now)
        objects += [_write(folder, each.key, each.content, each.modified_at) for each in papers]
    return SegmentArchive(folder, [*objects, *(_logs(company, folder, now) if has_logs else ())])


def _logs(company: Company, folder: Path, now: datetime) -> Iterator[ArchivedObject]:
    """Files of logs; each was written when its day was over. The folder is there before its first file."""
    yield _write(folder, f"{LOGS_PREFIX}/.keep", b"", now)
    for day, path in log_files.write(company, folder / "objects" / LOGS_PREFIX, now):
        content = path.read_bytes()
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        written = min(now, datetime.combine(day, datetime.min.time(), UTC) + timedelta(days=1))
        yield ArchivedObject(f"{LOGS_PREFIX}/{path.name}", len(content), digest, 0, written)


def _files(company: Company, now: datetime) -> Iterator[tuple[str, bytes]]:
    if company.has("releases"):
        rows = [
            _github(number, row) for number, row in enumerate(company.rows("releases")) if row["released_at"] <= now
        ]
        yield f"{RELEASES_PREFIX}/releases.json", json.dumps(rows, indent=1).encode()
    if company.has("flag_exposures"):
        rows = [row for row in company.rows("flag_exposures") if row["exposed_at"] <= now]
        yield (
            f"{RELEASES_PREFIX}/flag_exposures.csv",
            _csv(rows, "flag_key account_id workspace_id variant exposed_at".split()),
        )
    if company.has("public_calendar"):
        known = [_entry(row) for row in company.rows("public_calendar") if _begin(row) <= now + _STANDING]
        yield f"{RELEASES_PREFIX}/calendar.json", json.dumps(known, indent=1).encode()
    accounts = company.rows("salesforce_account") if company.has("salesforce_account") else []
    yield from exchange_signals.files(accounts, now)


def _github(number: int, row: Row) -> dict[str, Any]:
    """One release as GitHub's API lists it; kind, component and flag are fields the company adds."""
    at = _iso(row["released_at"])
    return {
        "id": _ID_OF_FIRST + number,
        "tag_name": f"v{row['version']}",
        "name": row["title"],
        "body": row["notes"],
        "draft": False,
        "prerelease": False,
        "created_at": at,
        "published_at": at,
        "kind": row["kind"],
        "component": row["component"],
        "flag_key": row["flag_key"],
    }


def _begin(row: Row) -> datetime:
    return datetime.combine(row["starts_on"], datetime.min.time(), UTC)


def _entry(row: Row) -> dict[str, Any]:
    return {
        "kind": row["kind"],
        "name": row["name"],
        "industry": row["industry"],
        "utc_offset_minutes": row["utc_offset_min"],
        "starts_on": row["starts_on"].isoformat(),
        "ends_on": row["ends_on"].isoformat(),
    }


def _csv(rows: Iterable[Row], names: Sequence[str]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_iso(v) if isinstance(v, datetime) else v for v in (row[name] for name in names)] for row in rows)
    return out.getvalue().encode()


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _write(folder: Path, key: str, content: bytes, modified_at: datetime) -> ArchivedObject:
    path = folder / "objects" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return ArchivedObject(
        key, len(content), digest, content.count(b"\n"), modified_at.astimezone(UTC).replace(microsecond=0)
    )
