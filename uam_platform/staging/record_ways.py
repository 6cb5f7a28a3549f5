"""Which kind of vendor's record leads to which row of which table: what the books of record tables are checked against.

Here: ids of rows and of records, and what has no row on purpose, as data. Not here: building the rows (one module per vendor), counting
(`table_books`). Names in braces are fields of the payload; `record_id`, `modified_us` and `is_partly_aside` are the record's own.
"""

from dataclasses import dataclass
from typing import Final

from uam_platform.contracts import tables
from uam_platform.contracts.model import Contract


@dataclass(frozen=True)
class Way:
    """From a kind of record to rows.

    Attributes:
        source: connector.
        kind: the vendor's name of the record.
        row_id: SQL of the id of the row that a record leads to.
        left_out: SQL condition under which a record has no row on purpose; empty: each has one.
        why: that condition in words.
    """

    source: str
    kind: str
    row_id: str
    left_out: str = ""
    why: str = ""


@dataclass(frozen=True)
class Book:
    """A table beside the records that lead to it.

    Attributes:
        table: the table.
        stored: SQL of the id of a row, spelled as the ways spell it.
        ways: kinds of record; none where rows have no id that a record names: then only the published count is compared.
        is_whole: every row stands for a record of some way.
    """

    table: Contract
    stored: str = "''"
    ways: tuple[Way, ...] = ()
    is_whole: bool = True


_CRM_ID: Final = "'salesforce:' || left({record_id}, 15)"
"""The first 15 characters name a CRM record; three more repeat how they are spelled."""
_IS_DELETED: Final = "lower({IsDeleted}) IN ('true', '1', 'yes')"
_PART: Final = r"'(@[0-9T:.-]+)$'"
_FURTHER: Final = r"'(#[0-9]+|/[^/]*)$'"
_UUID: Final = r"'(?i)^([0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}|[0-9a-f]{{10,16}}(-[0-9a-f]{{4,16}}){{4}})$'"

_TICKETS: Final = (
    Way("zendesk", "ticket", "'zendesk:' || {record_id}"),
    Way("files", "tickets", "'files:' || {ticket_id}"),
)
_PEOPLE: Final = (
    Way("salesforce", "Contact", "'Contact:' || left({record_id}, 15)", _IS_DELETED, "deleted in the CRM"),
    Way("zendesk", "user", "'user:' || {record_id}", "coalesce({role}, 'end-user') <> 'end-user'", "own staff"),
    Way("files", "users", "'users:' || {user_id}"),
    Way(
        "mixpanel", "profile", "'profile:' || {$distinct_id}",
        "{$distinct_id} LIKE '$device:%' OR coalesce(json_extract_string({$properties}, '$.\"$email\"'), "
        "json_extract_string({$properties}, '$.email'), '') = ''",
        "a device, or without an address",
    ),
    Way(
        "posthog", "person", "'person:' || {distinct_id}",
        "{email} IS NULL OR {is_partly_aside} OR lower({is_deleted}) IN ('true', '1', 'yes') "
        f"OR regexp_matches({{distinct_id}}, {_UUID})",
        "a device, a deleted id, or without an address",
    ),
)  # fmt: skip


def _by_id(table: Contract, column: str, source: str, kind: str) -> Book:
    return Book(table, column, (Way(source, kind, "{record_id}"),))


BOOKS: Final[tuple[Book, ...]] = (
    Book(
        tables.ACCOUNTS,
        "CASE WHEN account_id = account_id_salesforce THEN left(account_id, 15) ELSE account_id END",
        (
            Way(
                "salesforce", "Account", "coalesce({Product_Account_Id__c}, left({record_id}, 15))",
                f"{_IS_DELETED} AND {{modified_us}} <= epoch_us(try_cast({{CreatedDate}} AS TIMESTAMPTZ))",
                "deleted in the moment of its creation",
            ),
            Way("files", "accounts", "{account_id}"),
        ),
    ),
    Book(
        tables.SUBSCRIPTIONS,
        "source || ':' || CASE source WHEN 'salesforce' THEN left(subscription_id, 15) "
        f"ELSE regexp_replace(subscription_id, {_PART}, '') END",
        (
            Way("salesforce", "Contract", _CRM_ID),
            Way(
                "files", "subscriptions", f"'files:' || regexp_replace({{subscription_id}}, {_PART}, '')",
                "{product} IS NOT NULL", "a line of a contract with several",
            ),
        ),
    ),
    Book(
        tables.OPPORTUNITIES,
        "source || ':' || left(opportunity_id, 15)",
        (Way("salesforce", "Opportunity", _CRM_ID),),
    ),
    Book(
        tables.USERS_DIRECTORY,
        "source_object || ':' || CASE source WHEN 'salesforce' THEN left(user_id_source, 15) "
        f"WHEN 'mixpanel' THEN regexp_replace(user_id_source, {_FURTHER}, '') "
        f"WHEN 'posthog' THEN regexp_replace(user_id_source, {_FURTHER}, '') ELSE user_id_source END",
        _PEOPLE,
    ),
    Book(tables.TICKETS, "ticket_id", _TICKETS),
    Book(
        tables.TICKET_EVENTS,
        "CASE change WHEN 'opened' THEN ticket_id END",
        _TICKETS,
        is_whole=False,
    ),
    Book(
        tables.SATISFACTION_RATINGS,
        "rating_id",
        (
            Way("zendesk", "satisfaction_rating", "'zendesk:' || {record_id}"),
            Way(
                "zendesk", "chat", "'zendesk:chat:' || {record_id}",
                "coalesce({rating}, '') NOT IN ('good', 'bad')", "a chat that nobody rated",
            ),
        ),
    ),
    _by_id(tables.SILENCES, "silence_id", "ledger", "silence"),
    _by_id(tables.VERDICTS, "verdict_id", "ledger", "verdict"),
    _by_id(tables.ACCEPTED_THRESHOLDS, "threshold_id", "ledger", "threshold"),
    _by_id(tables.IDENTITY_RETRACTIONS, "retraction_id", "ledger", "retraction"),
    Book(tables.CALLS, "call_id", (Way("gong", "call", "'gong:' || {record_id}"),)),
    Book(
        tables.DOCUMENTS,
        "content_hash",
        (
            Way(
                "documents", "document", "{content_hash}",
                "{is_partly_aside} OR record_id IN (SELECT record_id FROM accepted_records WHERE source_object = 'removed_document')",
                "its id is another file's, or the file is gone",
            ),
        ),
        is_whole=False,
    ),
    Book(
        tables.EXTERNAL_SIGNALS,
        "signal_id",
        (Way("exchange", "signal", "{record_id}"), Way("collector", "signal", "{record_id}")),
    ),
    Book(
        tables.RELEASES,
        "release_id",
        (
            Way("releases", "release", "{record_id}"),
            Way(
                "releases", "github_release", "{record_id}",
                "lower({draft}) = 'true' OR coalesce({_action}, '') IN ('deleted', 'unpublished')", "a draft, or withdrawn",
            ),
        ),
    ),
    Book(tables.ANNOUNCEMENTS, "announcement_id", (Way("releases", "announcement", "{record_id}"),), is_whole=False),
    Book(tables.UTTERANCES),
    Book(tables.FLAG_EXPOSURES),
)  # fmt: skip
