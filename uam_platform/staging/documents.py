"""Documents about customers: whose each is, since when each passage is known, redacted words with their page.

Here: records of the connector `documents` into DOCUMENTS and UTTERANCES. Not here: reading files (`uam_platform.connectors.documents`),
paragraphs and voices (`document_words`), what the words mean (`uam_platform.evidence`).

A document belongs to the account that it declares, else that the rulebook's mapping gives to its path, else that a folder above it is
called after, else that its title names. What is declared and not known attaches to nobody: a weaker sign must not overrule a person.
The newest reading of a file counts. A passage is known since the first reading that had it, so that a corrected document does not take
back what was known, and never before the file was last changed.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Final

from uam_platform.policy.documents import DocumentPolicy
from uam_platform.policy.redaction import Redactor
from uam_platform.policy.time import TimePolicy
from uam_platform.staging.document_words import Passage, passages, title_of
from uam_platform.staging.mapped_records import known_at
from uam_platform.staging.record_log import Record, RecordLog
from uam_platform.staging.record_values import RecordError, known_day, moment, required, required_moment, text
from uam_platform.staging.redaction import redacted
from uam_platform.staging.salesforce_ids import long_id

Row = dict[str, Any]
KINDS: Final = ("document", "removed_document")
_LEAST_NAME: Final = 4
_WORDS: Final = re.compile(r"[^\W_]+")
_ID: Final = re.compile(r"[^\w.-]")


@dataclass(frozen=True)
class Accounts:
    """What names an account.

    Attributes:
        ids: product account ids.
        by_crm_id: product account by the CRM's id (18 characters).
        by_name: product accounts by name, as its words in small letters.
    """

    ids: frozenset[str]
    by_crm_id: Mapping[str, str]
    by_name: Mapping[tuple[str, ...], frozenset[str]]

    def named(self, value: str) -> str | None:
        """The account of an id of the product or the CRM, or of an exact name that only one account has."""
        if value in self.ids:
            return value
        if found := self.by_crm_id.get(long_id(value) or ""):
            return found
        accounts = self.by_name.get(_words(value), frozenset())
        return next(iter(accounts)) if len(accounts) == 1 else None

    def named_in(self, words: str) -> str | None:
        """The one account whose whole name stands in a text; of two names the longer one, where it holds the other."""
        parts = _words(words)
        spans = {
            (start, end): accounts
            for start in range(len(parts))
            for end in range(start + 1, len(parts) + 1)
            if (accounts := self.by_name.get(parts[start:end])) and sum(map(len, parts[start:end])) >= _LEAST_NAME
        }
        widest = [
            accounts
            for (start, end), accounts in spans.items()
            if not any(a <= start and end <= b and (a, b) != (start, end) for a, b in spans)
        ]
        found = frozenset[str]().union(*widest)
        return next(iter(found)) if len(found) == 1 else None


def accounts_of(rows: Iterable[Row], by_crm_id: Mapping[str, str]) -> Accounts:
    """What names an account, from rows of ACCOUNTS and the CRM's ids."""
    ids: set[str] = set()
    by_name: dict[tuple[str, ...], frozenset[str]] = defaultdict(frozenset)
    for row in rows:
        ids.add(row["account_id"])
        if row["account_name"] and (words := _words(row["account_name"])):
            by_name[words] |= {row["account_id"]}
    return Accounts(frozenset(ids), by_crm_id, dict(by_name))


def people_in(records: Iterable[Record]) -> list[str]:
    """Names that documents declare, for the redaction."""
    return [str(name) for record in records for name in _listed(record.payload, "people")]


@dataclass(frozen=True)
class Reader:
    """What documents are read with.

    Attributes:
        accounts: whose they may be.
        staff: names of our own people, casefolded.
        redactor: knows the names of staff, customers and what documents declare.
        policy: grace and knowledge basis.
        rules: mapping, kinds.
    """

    accounts: Accounts
    staff: Collection[str]
    redactor: Redactor
    policy: TimePolicy
    rules: DocumentPolicy


def document_rows(log: RecordLog, records: Mapping[str, list[Record]], reader: Reader) -> tuple[list[Row], list[Row]]:
    """Rows of DOCUMENTS, and of UTTERANCES from their passages.

    Args:
        log: takes what cannot be used, and counts copies of one document.
        records: by kind: `document`, `removed_document`.
        reader: whose they may be, and how they are read.
    """
    read = log.built(records["document"], lambda record: _reading(record, reader))
    readings: dict[str, list[_Reading]] = defaultdict(list)
    for _, reading in sorted(read, key=lambda pair: pair[0].version):
        readings[reading.record.record_id].append(reading)
    gone = _gone(records["removed_document"], readings)
    rows, words = [], list[Row]()
    for versions in _documents(log, readings, gone):
        removal = gone.get(versions[-1].record.record_id)
        rows.append(_row(versions, removal, reader.policy))
        if removal is None:
            words += _utterances(versions, rows[-1], reader)
    return rows, words


@dataclass(frozen=True)
class _Reading:
    """One version of a file.

    Attributes:
        record: as landed.
        document_id: with its source in front.
        row: columns of DOCUMENTS that this version alone decides.
        known_at: when this version could first be known.
        passages: its words, not yet redacted.
    """

    record: Record
    document_id: str
    row: Row
    known_at: datetime
    passages: tuple[Passage, ...]

    @property
    def content(self) -> tuple[str, str | None]:
        """What two files have in common that are one document: their bytes and their account."""
        return (str(self.row["content_hash"]), self.row["account_id"])


def _reading(record: Record, reader: Reader) -> _Reading:
    payload, declared = record.payload, _declared(record)
    file, pages = required(payload, "file"), [str(page) for page in _listed(payload, "pages")]
    is_markdown = text(payload, "media_type") == "text/markdown"
    title = text(declared, "title") or title_of(pages, is_markdown) or text(payload, "own_title")
    title = title or PurePosixPath(file).stem.replace("_", " ")
    account_id, attached_by = _account(file, title, declared, reader)
    modified = min(required_moment(payload, "modified_at"), record.load.loaded_time)
    written = _written(payload, declared, modified)
    own_id = text(declared, "document_id") or hashlib.sha256(file.encode()).hexdigest()[:16]
    row = {
        "source": record.load.source,
        "file": file,
        "content_hash": required(payload, "content_hash"),
        "media_type": required(payload, "media_type"),
        "document_kind": reader.rules.kind(text(declared, "kind"), file, title),
        "title": redacted(title, reader.redactor) or "",
        "account_id": account_id,
        "attached_by": attached_by,
        "page_count": len(pages),
        "text_page_count": sum(any(c.isalpha() for c in page) for page in pages),
        "written_at": written,
        "modified_at": modified,
        "load_id": record.load.load_id,
        "row_no": record.row_no,
    }
    known = known_at(record, max(written, modified), reader.policy)
    said = passages(pages, is_markdown, reader.staff)
    return _Reading(record, f"{record.load.source}:{_ID.sub('_', own_id)}", row, known, tuple(said))


def _written(payload: Mapping[str, Any], declared: Mapping[str, Any], modified: datetime) -> datetime:
    """When it was written: as declared, else by the file's own time, else its time of change; never after that."""
    for facts, name in ((declared, "written_at"), (payload, "own_time")):
        try:
            found = moment(facts, name)
        except RecordError:
            continue
        if found is not None:
            return min(found, modified)
    return modified


def _account(file: str, title: str, declared: Mapping[str, Any], reader: Reader) -> tuple[str | None, str]:
    """Account of a document and what led to it."""
    accounts, rules = reader.accounts, reader.rules
    words = [text(declared, name) for name in ("account_id", "account_name")]
    said = [(value, "declared") for value in words if value]
    if not said and (mapped := rules.declared_account(file)):
        said = [(mapped, "mapping")]
    if said:
        known = next(((found, by) for value, by in said if (found := accounts.named(value))), None)
        return known or (None, "nothing")
    if rules.folders_name_accounts:
        for folder in reversed(PurePosixPath(file).parts[:-1]):
            if found := accounts.named(folder):
                return found, "folder"
    if rules.titles_name_accounts and (found := accounts.named_in(title)):
        return found, "title"
    return None, "nothing"


def _gone(removals: Iterable[Record], readings: Mapping[str, Sequence[_Reading]]) -> dict[str, Record]:
    """The removal of each file that was not read again after it."""
    last = {record.record_id: record for record in sorted(removals, key=lambda r: r.version)}
    return {
        file: record
        for file, record in last.items()
        if file in readings and record.version > readings[file][-1].record.version
    }


def _documents(
    log: RecordLog, readings: Mapping[str, Sequence[_Reading]], gone: Collection[str]
) -> Iterator[list[_Reading]]:
    """Versions of each document, oldest first: files that are there, then those that are gone and were not moved.

    Of copies with the same bytes for the same account the file that was read first counts, and so it is with equal ids.
    """
    order = sorted(readings, key=lambda f: (f in gone, readings[f][0].record.load.load_id, f))
    before = [readings[file] for file in readings if file in gone]
    contents: set[tuple[str, str | None]] = set()
    ids: set[str] = set()
    for file in order:
        last, record = readings[file][-1], readings[file][-1].record
        if file in gone and (last.document_id in ids or last.content in contents):
            continue  # moved, and told under its new name
        if last.content in contents:
            log.duplicates[(record.load.source, record.load.load_id, record.source_object)] += 1
        elif last.document_id in ids:
            error = RecordError("repeated_id", "another file declares this document_id too; give each its own")
            log.reject(record.load, record.source_object, record.row_no, error)
        else:
            moved = [] if file in gone else [v for own in before if _is_same(own[-1], last) for v in own]
            yield [*moved, *readings[file]]
            contents.add(last.content)
            ids.add(last.document_id)


def _is_same(one: _Reading, other: _Reading) -> bool:
    return one.document_id == other.document_id or one.content == other.content


def _row(versions: Sequence[_Reading], removal: Record | None, policy: TimePolicy) -> Row:
    last = versions[-1]
    known = min(version.known_at for version in versions)
    return {
        **last.row,
        "document_id": last.document_id,
        "removed_at": moment(removal.payload, "read_at") if removal else None,
        "known_at": known,
        "known_date": known_day(known, min(last.row["written_at"], known), policy.grace),
    }


def _utterances(versions: Sequence[_Reading], row: Row, reader: Reader) -> list[Row]:
    since: dict[str, datetime] = {}
    for version in versions:
        for passage in version.passages:
            since[passage.text] = min(version.known_at, since.get(passage.text, version.known_at))
    found = []
    for passage in versions[-1].passages:
        left, known = reader.redactor.redact(passage.text), since[passage.text]
        said = min(row["written_at"], known)
        found.append(
            {
                "utterance_id": f"{row['source']}:document:{row['document_id'].split(':', 1)[1]}:{passage.page_no}.{passage.position}",
                "source": row["source"],
                "channel": "document",
                "ticket_id": None,
                "conversation_id": row["document_id"],
                "account_id": row["account_id"],
                "author_kind": passage.author_kind,
                "page_no": passage.page_no,
                "said_at": said,
                "known_at": known,
                "known_date": known_day(known, said, reader.policy.grace),
                "text": left.text,
                "redaction_count": left.count,
                "load_id": row["load_id"],
                "row_no": row["row_no"],
            }
        )
    return found


def _declared(record: Record) -> Mapping[str, Any]:
    found = record.payload.get("declared")
    return found if isinstance(found, dict) else {}


def _listed(payload: Mapping[str, Any], name: str) -> list[Any]:
    found = payload.get(name)
    return found if isinstance(found, list) else []


def _words(name: str) -> tuple[str, ...]:
    return tuple(_WORDS.findall(name.casefold()))
