"""Canonical tables from the small records of CRM, help desk, own exports and the ledger.

Here: the one entry point, which hands each vendor's records to their module and joins the results. Not here: events (`split`,
`events`). Everything is recomputed from all landed records, so a record that arrives late changes no more than it says.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from uam_platform.contracts import tables as contracts
from uam_platform.contracts.exchange import SIGNAL
from uam_platform.lake.loads import Load
from uam_platform.policy.changes import ChangePolicy
from uam_platform.policy.documents import DocumentPolicy
from uam_platform.policy.redaction import Redactor
from uam_platform.policy.sources import SourceMap
from uam_platform.policy.time import TimePolicy
from uam_platform.staging import (
    answers,
    calls,
    changes,
    conversations,
    crm_accounts,
    crm_deals,
    crm_terms,
    directory,
    documents,
    external_signals,
    mapped_records,
    satisfaction,
    ticket_measures,
    tickets,
    utterances,
)
from uam_platform.staging.record_log import Record, RecordLog, latest, read_records
from uam_platform.staging.record_values import RecordError, frame
from uam_platform.staging.redaction import names_in, redactor_of
from uam_platform.staging.tracked_persons import tracked_persons

READ: Final[Mapping[str, tuple[str, ...]]] = {
    "salesforce": (
        "User", "Account", "AccountHistory", "Contact", "Contract", "ContractHistory", "Opportunity", "OpportunityHistory",
    ),
    "zendesk": (
        "organization", "user", "ticket", "ticket_event", "ticket_metric_event", "satisfaction_rating", "chat",
        "conversation_event",
    ),
    "gong": ("user", "call", "transcript"),
    "mixpanel": ("profile",),
    "posthog": ("person",),
    "files": ("accounts", "subscriptions", "tickets", "users"),
    "ledger": ("silence", "verdict", "threshold", "retraction"),
    "releases": changes.KINDS,
    "documents": documents.KINDS,
    "exchange": (SIGNAL,),
    "collector": (SIGNAL, "zendesk_webhook", "webhook"),  # webhooks are counted and kept as landed; no table reads them
}  # fmt: skip
"""Kinds of records that are known, by source; any other is set aside."""
UNREADABLE_FILE: Final = "unreadable_file"
"""Stands for a dropped file that could not be read: payload {file, reason}."""


@dataclass(frozen=True)
class RecordTables:
    """Frames of exactly the columns of the contracts of their names, and what became of the rows.

    Attributes:
        quarantine: QUARANTINE rows with reason and field; the raw text only where it is no JSON.
        counts: LOAD_RECONCILIATION per load and kind of record.
        refused_fields: REFUSED_FIELDS per load, kind and field.
    """

    tickets: pd.DataFrame
    ticket_events: pd.DataFrame
    accounts: pd.DataFrame
    subscriptions: pd.DataFrame
    opportunities: pd.DataFrame
    users_directory: pd.DataFrame
    silences: pd.DataFrame
    verdicts: pd.DataFrame
    accepted_thresholds: pd.DataFrame
    identity_retractions: pd.DataFrame
    utterances: pd.DataFrame
    calls: pd.DataFrame
    documents: pd.DataFrame
    external_signals: pd.DataFrame
    satisfaction_ratings: pd.DataFrame
    releases: pd.DataFrame
    flag_exposures: pd.DataFrame
    announcements: pd.DataFrame
    quarantine: pd.DataFrame
    counts: pd.DataFrame
    refused_fields: pd.DataFrame


def canonical_records(
    records: Sequence[tuple[Load, pd.DataFrame]],
    policy: TimePolicy,
    kinds: ChangePolicy | None = None,
    about_documents: DocumentPolicy | None = None,
    sources: SourceMap | None = None,
) -> RecordTables:
    """Canonical tables of all landed records.

    Args:
        records: loads with their landed records (RECORD_COLUMNS and row_no); order does not matter.
        policy: grace, and the knowledge basis and id space of the sources.
        kinds: what releases, flags and announcements stand for.
        about_documents: whose documents are, and of which kind.
        sources: which fields have a purpose; the shipped map where absent.
    """
    usable, log = read_records(records, sources)
    by_source = _by_source(usable, log)
    crm, desk, recorder, told = (by_source[name] for name in ("salesforce", "zendesk", "gong", "ledger"))
    account_rows, ids = crm_accounts.accounts(log, crm, policy.grace)
    own = mapped_records.mapped_rows(log, by_source["files"], policy)
    account_rows += _others(own.accounts, account_rows)
    id_space = policy.source("zendesk").id_space
    by_organization = tickets.organizations(log, desk["organization"])
    users = {key: record for key, (record, _) in latest((r, None) for r in desk["user"]).items()}
    requesters = tickets.requesters(users, by_organization, id_space)
    redactor = _redactor(by_source)
    ticket_rows = tickets.tickets(log, desk["ticket"], by_organization, requesters, redactor)
    opportunities = crm_deals.opportunities(log, crm, ids)
    people = (
        directory.contacts(log, crm["Contact"], ids)
        + directory.support_users(log, desk["user"], by_organization, id_space)
        + own.users_directory
    )
    whose = calls.customers(ids.by_salesforce_id, opportunities, people)
    call_rows, spoken = calls.call_rows(log, recorder, whose, redactor, policy)
    written, ratings = _heard(log, desk, ticket_rows, requesters, redactor, policy)
    named = documents.accounts_of(account_rows, ids.by_salesforce_id)
    papers = documents.Reader(named, _staff(by_source), redactor, policy, about_documents or DocumentPolicy())
    document_rows, written_down = documents.document_rows(log, by_source["documents"], papers)
    told_us = [*by_source["collector"][SIGNAL], *by_source["exchange"][SIGNAL]]
    about = external_signals.subjects(named, people, id_space)
    changed = changes.changes(log, by_source["releases"], policy, kinds or ChangePolicy(), redactor)
    rows: dict[str, list[tickets.Row]] = {
        "tickets": ticket_rows + own.tickets,
        "ticket_events": _ticket_history(log, desk, ticket_rows, policy) + own.ticket_events,
        "accounts": account_rows,
        "subscriptions": crm_terms.subscriptions(log, crm, ids) + own.subscriptions,
        "opportunities": opportunities,
        "users_directory": people + _profiles(log, by_source, policy),
        "silences": answers.silences(log, told["silence"]),
        "verdicts": answers.verdicts(log, told["verdict"]),
        "accepted_thresholds": answers.thresholds(log, told["threshold"]),
        "identity_retractions": answers.retractions(log, told["retraction"], policy.grace),
        "utterances": written + spoken + written_down,
        "satisfaction_ratings": ratings,
        "calls": call_rows,
        "documents": document_rows,
        "external_signals": external_signals.signal_rows(log, told_us, about, redactor, policy),
        "releases": changed.releases,
        "flag_exposures": changed.flag_exposures,
        "announcements": changed.announcements,
    }
    frames = {name: frame(getattr(contracts, name.upper()), found) for name, found in rows.items()}
    kept_out = log.refused_fields()
    return RecordTables(**frames, quarantine=log.quarantine(), counts=log.counts(), refused_fields=kept_out)


def _by_source(usable: Sequence[Record], log: RecordLog) -> dict[str, dict[str, list[Record]]]:
    """Records by source and kind; those that no module reads are set aside."""
    found: dict[str, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in usable:
        if record.source_object in READ.get(record.load.source, ()):
            found[record.load.source][record.source_object].append(record)
        else:
            log.reject(record.load, record.source_object, record.row_no, _refusal(record))
    return found


def _profiles(
    log: RecordLog, by_source: Mapping[str, Mapping[str, list[Record]]], policy: TimePolicy
) -> list[tickets.Row]:
    """Rows of USERS_DIRECTORY from the profiles and persons of analytics tools."""
    profiles = directory.profiles(log, by_source["mixpanel"]["profile"], policy.source("mixpanel").id_space)
    persons = by_source["posthog"]["person"]
    return profiles + tracked_persons(log, persons, policy.source("posthog").id_space)


def _ticket_history(
    log: RecordLog, desk: Mapping[str, list[Record]], ticket_rows: list[tickets.Row], policy: TimePolicy
) -> list[tickets.Row]:
    """What happened to tickets: by their audits, by measurements that audits do not tell, and deletions."""
    told = tickets.ticket_events(log, desk["ticket_event"], ticket_rows, policy.grace)
    measured = ticket_measures.measured_events(log, desk["ticket_metric_event"], told, policy.grace)
    return told + measured + tickets.deletions(desk["ticket"], ticket_rows, policy.grace)


def _heard(
    log: RecordLog,
    desk: Mapping[str, list[Record]],
    ticket_rows: list[tickets.Row],
    people: Mapping[str, tickets.Requester],
    redactor: Redactor,
    policy: TimePolicy,
) -> tuple[list[tickets.Row], list[tickets.Row]]:
    """What customers wrote to the help desk, and how content they were: rows of UTTERANCES and SATISFACTION_RATINGS."""
    talk = conversations.conversations(log, desk, ticket_rows, people, redactor, policy.grace)
    words = utterances.ticket_utterances(desk, ticket_rows, redactor, policy.grace, talk.tickets)
    ratings = satisfaction.satisfaction_ratings(log, desk["satisfaction_rating"], ticket_rows, people, policy.grace)
    return words + talk.utterances, [*ratings, *satisfaction.chat_ratings(talk.chats, talk.accounts, policy.grace)]


def _redactor(by_source: Mapping[str, Mapping[str, list[Record]]]) -> Redactor:
    """One that knows everybody whom help desk, CRM, call recorder and documents name."""
    crm, desk, recorder = by_source["salesforce"], by_source["zendesk"], by_source["gong"]
    others = [*calls.names(recorder["call"]), *conversations.names_in(desk["chat"])]
    others += documents.people_in(by_source["documents"]["document"])
    return redactor_of([*desk["user"], *crm["User"], *crm["Contact"], *recorder["user"]], others)


def _staff(by_source: Mapping[str, Mapping[str, list[Record]]]) -> frozenset[str]:
    """Names of our own people, casefolded: users of CRM and call recorder, agents of the help desk."""
    agents = [r for r in by_source["zendesk"]["user"] if (r.payload.get("role") or "end-user") != "end-user"]
    users = (*by_source["salesforce"]["User"], *by_source["gong"]["user"], *agents)
    return frozenset(name.casefold() for record in users for name in names_in(record.payload))


def _others(rows: list[crm_accounts.Row], leading: list[crm_accounts.Row]) -> list[crm_accounts.Row]:
    """Mapped accounts that the CRM does not know: where both speak of an account, the CRM's history counts."""
    known = {row["account_id"] for row in leading}
    return [row for row in rows if row["account_id"] not in known]


def _refusal(record: Record) -> RecordError:
    """Why nothing reads a record: a dropped file that could not be read, or a kind that is not known."""
    if record.source_object == UNREADABLE_FILE:
        return RecordError(str(record.payload.get("reason")), f"file {record.payload.get('file')}")
    return RecordError("unknown_kind", "no module reads this kind of record")
