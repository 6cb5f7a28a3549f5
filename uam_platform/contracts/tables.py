"""One contract per stored table, built from the vocabulary, in the order data flows.

Here: which columns, grain, key, partition and row rules a table has. Not here: what a column means (`vocabulary`), how a
table is computed (the stage of its name).
"""

from uam_platform.contracts.model import Contract, Ordered
from uam_platform.contracts.tables_alerts import CONTRACTS_ALERTS, FLAG_STARTS, WORKFLOW_DAYS, WORKING_HOURS
from uam_platform.contracts.tables_behavior import (
    CONTRACTS_BEHAVIOR,
    ISSUE_WEEKS,
    ISSUES,
    JOURNEYS,
    MINED_PATTERNS,
    SEQUENCE_MATCHES,
    SEQUENCE_STEPS,
    TRANSITIONS,
)
from uam_platform.contracts.tables_changes import ANNOUNCEMENTS, CONTRACTS_CHANGES, FLAG_EXPOSURES, RELEASES
from uam_platform.contracts.tables_churn import CONTRACTS_CHURN, LABELS, MODELS, SCORE_CHANGES, SCORE_REASONS, SCORES
from uam_platform.contracts.tables_cohorts import COHORT_PROFILES, COHORT_SCALERS, COHORTS, CONTRACTS_COHORTS
from uam_platform.contracts.tables_evidence import (
    ACCOUNT_THEMES,
    CALLS,
    COHORT_THEMES,
    CONTRACTS_EVIDENCE,
    DOCUMENTS,
    EMERGING_THEMES,
    SATISFACTION_RATINGS,
    STATEMENTS,
    THEMES,
    UTTERANCES,
)
from uam_platform.contracts.tables_exchange import CONTRACTS_EXCHANGE, EXTERNAL_SIGNALS
from uam_platform.contracts.tables_governance import CONTRACTS_GOVERNANCE, EVENT_USAGE, REFUSED_FIELDS
from uam_platform.contracts.tables_identity import (
    AMBIGUOUS_IDENTIFIERS,
    CONTRACTS_IDENTITY,
    EXCLUDED_ACCOUNTS,
    EXCLUDED_PEOPLE,
    HIERARCHY,
    IDENTITY_RETRACTIONS,
    MEMBERSHIPS,
    MERGE_LOG,
    PEOPLE,
)
from uam_platform.contracts.tables_kpis import (
    ACCOUNT_ACTIONS,
    ACCOUNT_SCORES,
    CONTRACTS_KPIS,
    VALUE_CHANGES,
    VALUE_WEEKS,
    WORKSHEETS,
)
from uam_platform.contracts.tables_quality import (
    CLIENT_SERVER_DAYS,
    CONTRACTS_QUALITY,
    DAILY_PROFILES,
    QUALITY_FINDINGS,
    SOURCE_ORDER_DAYS,
)
from uam_platform.contracts.tables_reviews import ACCEPTED_THRESHOLDS, AUDIT_SAMPLES, CONTRACTS_REVIEWS
from uam_platform.contracts.vocabulary import columns

__all__ = [
    "ACCEPTED_THRESHOLDS",
    "ACCOUNT_ACTIONS",
    "ACCOUNT_SCORES",
    "ACCOUNT_THEMES",
    "AMBIGUOUS_IDENTIFIERS",
    "ANNOUNCEMENTS",
    "AUDIT_SAMPLES",
    "CALLS",
    "CLIENT_SERVER_DAYS",
    "COHORTS",
    "COHORT_PROFILES",
    "COHORT_SCALERS",
    "COHORT_THEMES",
    "DAILY_PROFILES",
    "DOCUMENTS",
    "EMERGING_THEMES",
    "EVENT_USAGE",
    "EXCLUDED_ACCOUNTS",
    "EXCLUDED_PEOPLE",
    "EXTERNAL_SIGNALS",
    "FLAG_EXPOSURES",
    "FLAG_STARTS",
    "HIERARCHY",
    "IDENTITY_RETRACTIONS",
    "ISSUES",
    "ISSUE_WEEKS",
    "JOURNEYS",
    "LABELS",
    "MEMBERSHIPS",
    "MERGE_LOG",
    "MINED_PATTERNS",
    "MODELS",
    "PEOPLE",
    "QUALITY_FINDINGS",
    "REFUSED_FIELDS",
    "RELEASES",
    "SATISFACTION_RATINGS",
    "SCORES",
    "SCORE_CHANGES",
    "SCORE_REASONS",
    "SEQUENCE_MATCHES",
    "SEQUENCE_STEPS",
    "SOURCE_ORDER_DAYS",
    "STATEMENTS",
    "THEMES",
    "TRANSITIONS",
    "UTTERANCES",
    "VALUE_CHANGES",
    "VALUE_WEEKS",
    "WORKFLOW_DAYS",
    "WORKING_HOURS",
    "WORKSHEETS",
]  # also found here: one import path for every table


def _null(names: str) -> frozenset[str]:
    return frozenset(names.split())


_EVENT_FACTS = (
    "source event_hi event_lo key_basis event_date occurred_at occurred_us known_at known_us known_date is_known_at_imputed "
    "time_confidence actor_key actor_kind linked_actor_key device_key email_key workspace_key workspace_id_source "
    "account_id_source event_kind event_name_source side feature workflow workflow_id workflow_step workflow_state error_code "
    "duration_ms app_area device_type browser app_version plan_tier feature_flag role quantity amount_usd_cents load_id row_no"
)
_EVENT_NULLS = _null(
    "linked_actor_key workspace_id_source account_id_source feature workflow workflow_id workflow_step workflow_state "
    "error_code duration_ms app_area device_type browser app_version plan_tier feature_flag role quantity amount_usd_cents"
)

DELIVERIES = Contract(
    stage="staging",
    name="deliveries",
    grain="one delivered event record that parses, per load",
    description="Loads split by event day with keys and repaired times, before taxonomy and deduplication.",
    columns=columns(f"{_EVENT_FACTS} linked_user_key email_domain_key actor_stem_key email_stem_key"),
    key=("load_id", "row_no"),  # the order they were landed in: nothing to sort
    nullable=_EVENT_NULLS | {"linked_user_key", "email_domain_key", "actor_stem_key", "email_stem_key"},
    partition="event_date",
    version=4,
)
EVENTS = Contract(
    stage="staging",
    name="events",
    grain="one thing that happened, once, however often it was delivered",
    description="Canonical product events: who, where, when and what; taxonomy applied, duplicates removed.",
    columns=columns(
        _EVENT_FACTS.replace("event_name_source", "event_name event_name_source marker is_core feature_bits")
    ),
    key=("event_hi", "event_lo"),
    nullable=_EVENT_NULLS,
    partition="event_date",
    version=2,
)
QUARANTINE = Contract(
    stage="staging",
    name="quarantine",
    grain="one rejected record of one load",
    description="Records that broke a rule, with reason and pointer to the raw record; replayable, never dropped.",
    columns=columns("source source_object load_id row_no reason contract_version detail event_name_source raw_line"),
    key=("load_id", "source_object", "row_no"),
    nullable=_null("detail event_name_source raw_line"),
    partition="load_id",
)
UNKNOWN_EVENTS = Contract(
    stage="staging",
    name="unknown_events",
    grain="one delivered event whose name the taxonomy does not accept",
    description="Events with unknown or rejected names, kept for review and replayed once the name is approved.",
    columns=columns(
        "source load_id row_no reason event_name_source event_date event_hi event_lo side workflow_id known_date"
    ),
    key=("load_id", "row_no"),
    nullable=_null("workflow_id"),
    partition="event_date",
    version=2,
)
DUPLICATES_LOG = Contract(
    stage="staging",
    name="duplicates_log",
    grain="one delivery recognised as a repeat of an accepted one",
    description="Repeated deliveries and the event they repeat.",
    columns=columns("source event_hi event_lo event_date first_event_date load_id row_no known_at reason"),
    key=("event_hi", "event_lo", "load_id", "row_no"),
    partition="event_date",
)
LOAD_RECONCILIATION = Contract(
    stage="staging",
    name="load_reconciliation",
    grain="one load and kind of record",
    description="Rows in = accepted + quarantined + duplicates, per load.",
    columns=columns("source load_id source_object rows_in_count accepted_count quarantined_count duplicate_count"),
    key=("source", "load_id", "source_object"),
    partition="load_id",
)
DELIVERY_KEYS = Contract(
    stage="staging",
    name="delivery_keys",
    grain="one event id and event day of one load",
    description="Append-only index of event ids, so that a repeat is recognised without horizon.",
    columns=columns("load_id event_lo event_hi event_date known_us row_no"),
    key=("event_lo", "event_hi", "event_date"),
    partition="load_id",
)
REPEATED_KEYS = Contract(
    stage="staging",
    name="repeated_keys",
    grain="one event id that lies on a second event day, as found by one load",
    description="Event ids delivered under several event days: where the accepted copy is stored.",
    columns=columns("load_id event_lo event_hi event_date first_event_date known_us row_no"),
    key=("event_lo", "event_hi", "event_date"),
    partition="load_id",
)
IDENTITY_EVIDENCE = Contract(
    stage="staging",
    name="identity_evidence",
    grain="one distinct combination of identifiers, workspace and role that a source saw together on one event day and known day",
    description="What identity resolution reads of events: which identifiers, workspaces, accounts and roles occurred together.",
    columns=columns(
        "event_date known_date source event_kind actor_key actor_kind linked_actor_key linked_user_key device_key email_key "
        "email_domain_key actor_stem_key email_stem_key workspace_key workspace_id_source account_id_source role event_count "
        "started_us ended_us"
    ),
    key=(
        "event_date",
        "known_date",
        "source",
        "event_kind",
        "actor_key",
        "linked_actor_key",
        "device_key",
        "email_key",
        "workspace_key",
        "account_id_source",
        "role",
    ),
    nullable=_null(
        "linked_actor_key linked_user_key email_domain_key actor_stem_key email_stem_key workspace_id_source account_id_source role"
    ),
    partition="event_date",
    version=3,
)
TICKETS = Contract(
    stage="staging",
    name="tickets",
    grain="one support ticket in its latest known state",
    description="Support tickets with their account and requester.",
    columns=columns(
        "source ticket_id account_id_source requester_key status priority subject created_at updated_at known_at load_id row_no"
    ),
    key=("ticket_id",),
    nullable=_null("account_id_source priority subject"),
    rules=(Ordered("created_at", "known_at"),),
)
TICKET_EVENTS = Contract(
    stage="staging",
    name="ticket_events",
    grain="one change of a ticket",
    description="What happened to tickets when: opened, replied, escalated, reopened, solved (R45).",
    columns=columns(
        "source ticket_id row_no change status priority occurred_at occurred_us known_at known_date load_id"
    ),
    key=("ticket_id", "occurred_us", "row_no", "load_id", "change"),
    nullable=_null("status priority"),
)
ACCOUNTS = Contract(
    stage="staging",
    name="accounts",
    grain="one account and period in which its CRM facts did not change, as known",
    description="Account history: tier, fit, owner, parent; values before we observed them only where history proves them.",
    columns=columns(
        "source account_id account_id_salesforce account_name parent_account_id tier strategic_fit industry owner_id owner_name "
        "owner_email created_at valid_from_at valid_to_at known_at known_date load_id"
    ),
    key=("account_id", "valid_from_at"),
    nullable=_null(
        "account_id_salesforce account_name parent_account_id industry owner_id owner_name owner_email valid_to_at"
    ),
    rules=(Ordered("valid_from_at", "valid_to_at"),),
)
SUBSCRIPTIONS = Contract(
    stage="staging",
    name="subscriptions",
    grain="one contract term",
    description="Contract terms with renewal, notice and end, each with its knowledge time (R47).",
    columns=columns(
        "source subscription_id account_id billing_period plan seat_count mrr_usd_cents started_at term_end_at known_at "
        "notice_at ended_at end_reason load_id"
    ),
    key=("subscription_id",),
    nullable=_null("plan seat_count notice_at ended_at end_reason term_end_at"),
    rules=(Ordered("started_at", "term_end_at"), Ordered("started_at", "ended_at")),
)
OPPORTUNITIES = Contract(
    stage="staging",
    name="opportunities",
    grain="one CRM opportunity in its latest known state",
    description="Open and closed sales opportunities.",
    columns=columns(
        "source opportunity_id account_id opportunity_type stage amount_usd_cents close_date is_closed is_won created_at updated_at "
        "closed_at deleted_at known_at load_id"
    ),
    key=("opportunity_id",),
    nullable=_null("opportunity_type stage amount_usd_cents close_date closed_at deleted_at"),
)
USERS_DIRECTORY = Contract(
    stage="staging",
    name="users_directory",
    grain="one person record of a directory (CRM contact, support user, analytics profile), or a device of one",
    description="Directory entries that tie e-mail, product user, device and account.",
    columns=columns(
        "source source_object user_id_source email_key email_domain_key email_stem_key actor_key device_key account_id role "
        "created_at known_at load_id"
    ),
    key=("source", "source_object", "user_id_source"),
    nullable=_null("email_domain_key email_stem_key account_id role"),
    version=3,
)
SILENCES = Contract(
    stage="staging",
    name="silences",
    grain="one period in which a person asked for silence",
    description="Periods in which findings on an account, of a detector, or both are held back; null means all of them.",
    columns=columns("source silence_id account_id detector from_at until_at known_at load_id"),
    key=("silence_id",),
    nullable=_null("account_id detector"),
    rules=(Ordered("from_at", "until_at"),),
)
VERDICTS = Contract(
    stage="staging",
    name="verdicts",
    grain="one judgement of a person on an alert",
    description="What people said alerts were worth; later judgements are added, not replaced.",
    columns=columns("source verdict_id alert_id verdict known_at load_id"),
    key=("verdict_id",),
)
SESSIONS = Contract(
    stage="behavior",
    name="sessions",
    grain="one session of one actor in one workspace, of actions known on their day or all equally late",
    description="Actions grouped into meaningful windows by product-type policy (R97, R99, R100).",
    columns=columns(
        "actor_key workspace_key session_date started_at started_us ended_at ended_us duration_ms event_count core_count "
        "friction_count intent_count device_type known_us known_date"
    ),
    key=("actor_key", "workspace_key", "started_us", "known_date"),
    nullable=_null("device_type"),
    partition="session_date",
    rules=(Ordered("started_us", "ended_us"),),
)
ACTOR_DAYS = Contract(
    stage="behavior",
    name="actor_days",
    grain="one actor, workspace, event day and known day",
    description="Daily activity with the day it became known, so that a snapshot sees only what it could.",
    columns=columns(
        "actor_key workspace_key event_date known_date event_count core_count friction_count intent_count progress_count session_count "
        "feature_bits is_admin amount_usd_cents quantity"
    ),
    key=("actor_key", "workspace_key", "event_date", "known_date"),
    partition="event_date",
    rules=(Ordered("event_date", "known_date"),),
)
_WINDOWED = " ".join(
    f"{what}_{w}d_count"
    for what in (
        "event core friction intent progress session active_day active_person active_admin feature ticket escalation reopen"
    ).split()
    for w in (7, 28, 84)
)
_PRIOR = " ".join(f"{what}_prior_28d_count" for what in "core friction session active_person feature event".split())
ACCOUNT_FEATURES = Contract(
    stage="behavior",
    name="account_features",
    grain="one account and snapshot",
    description="What was known of an account at decision_at: activity windows, support load, contract. Point in time.",
    columns=columns(
        f"account_id as_of decision_at {_WINDOWED} {_PRIOR} event_364d_count active_day_364d_count "
        "revenue_28d_usd_cents revenue_84d_usd_cents revenue_364d_usd_cents core_trend_ratio "
        "depth_trend_ratio spread_trend_ratio friction_rate_ratio seat_use_ratio days_since_last_event days_since_escalation "
        "open_ticket_count tenure_days days_to_renewal term_count billing_period tier strategic_fit plan seat_count mrr_usd_cents "
        "arr_usd_cents is_eligible snapshot_version"
    ),
    key=("account_id", "as_of"),
    nullable=_null("seat_use_ratio days_since_last_event days_since_escalation days_to_renewal plan seat_count"),
    partition="as_of",
)
REVENUE_AT_RISK = Contract(
    stage="kpis",
    name="revenue_at_risk",
    grain="one scored account and snapshot",
    description="Dollars behind each score: probability x annual recurring revenue, and what acting is expected to save.",
    columns=columns(
        "account_id as_of account_name parent_account_id owner_id owner_name owner_email tier mrr_usd_cents arr_usd_cents "
        "days_to_renewal churn_probability baseline_probability revenue_at_risk_usd_cents expected_saved_usd_cents"
    ),
    key=("account_id", "as_of"),
    nullable=_null("account_name parent_account_id owner_id owner_name owner_email days_to_renewal"),
    partition="as_of",
)
CANDIDATES = Contract(
    stage="alerts",
    name="candidates",
    grain="one finding of one detector on one account or workflow, and snapshot",
    description="Findings with owner, threshold, system and follow-up; suppressed and over-budget ones kept with the reason.",
    columns=columns(
        "as_of decision_at fingerprint detector audience subject_kind subject_id affected_account_count account_id account_name "
        "owner_id owner_name owner_email arr_usd_cents churn_probability revenue_at_risk_usd_cents expected_saved_usd_cents "
        "confidence_ratio rank decision reason title summary threshold system_to_update follow_up playbook evidence_id "
        "evidence_json snapshot_version"
    ),
    key=("as_of", "fingerprint"),
    nullable=_null("account_name owner_id owner_name owner_email reason"),
    partition="as_of",
)

CONTRACTS: tuple[Contract, ...] = (
    DELIVERIES,
    EVENTS,
    QUARANTINE,
    UNKNOWN_EVENTS,
    DUPLICATES_LOG,
    LOAD_RECONCILIATION,
    DELIVERY_KEYS,
    REPEATED_KEYS,
    IDENTITY_EVIDENCE,
    TICKETS,
    TICKET_EVENTS,
    ACCOUNTS,
    SUBSCRIPTIONS,
    OPPORTUNITIES,
    USERS_DIRECTORY,
    SILENCES,
    VERDICTS,
    *CONTRACTS_IDENTITY,
    SESSIONS,
    ACTOR_DAYS,
    ACCOUNT_FEATURES,
    *CONTRACTS_CHURN,
    REVENUE_AT_RISK,
    CANDIDATES,
    *CONTRACTS_ALERTS,
    *CONTRACTS_BEHAVIOR,
    *CONTRACTS_CHANGES,
    *CONTRACTS_COHORTS,
    *CONTRACTS_EVIDENCE,
    *CONTRACTS_EXCHANGE,
    *CONTRACTS_GOVERNANCE,
    *CONTRACTS_KPIS,
    *CONTRACTS_QUALITY,
    *CONTRACTS_REVIEWS,
)
