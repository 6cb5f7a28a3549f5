"""The vocabulary: every stored column once, with type, unit, meaning, PII class and purpose.

Here: one entry per column name; two tables that use a name mean the same thing. Not here: which table has which column
(`tables`), event names (`uam_platform/policy/taxonomy.yaml`).
"""

from uam_platform.contracts.model import Column, Pii, Purpose, Type
from uam_platform.contracts.vocabulary_alerts import ALERT_COLUMNS
from uam_platform.contracts.vocabulary_behavior import BEHAVIOR_COLUMNS
from uam_platform.contracts.vocabulary_changes import CHANGE_COLUMNS
from uam_platform.contracts.vocabulary_churn import CHURN_COLUMNS
from uam_platform.contracts.vocabulary_cohorts import COHORT_COLUMNS
from uam_platform.contracts.vocabulary_evidence import EVIDENCE_COLUMNS
from uam_platform.contracts.vocabulary_exchange import EXCHANGE_COLUMNS
from uam_platform.contracts.vocabulary_governance import GOVERNANCE_COLUMNS
from uam_platform.contracts.vocabulary_identity import IDENTITY_COLUMNS
from uam_platform.contracts.vocabulary_kpis import KPI_COLUMNS
from uam_platform.contracts.vocabulary_quality import QUALITY_COLUMNS
from uam_platform.contracts.vocabulary_reviews import REVIEW_COLUMNS

S, B, I16, I32, I64, F, D, T = (
    Type.STRING,
    Type.BOOL,
    Type.INT16,
    Type.INT32,
    Type.INT64,
    Type.FLOAT64,
    Type.DATE,
    Type.TIMESTAMP,
)
_WEB = Purpose.PRODUCT_DECISIONS
_FIX = Purpose.ISSUE_RESOLUTION
_AUDIT = Purpose.COMPLIANCE
_KEY = Pii.PSEUDONYM

_COLUMNS: tuple[Column, ...] = (
    # provenance: where a row came from
    Column("source", S, "Connector that landed the record, e.g. segment, zendesk, files.", purpose=_AUDIT),
    Column("load_id", S, "Load that landed the record; ids sort in load order.", purpose=_AUDIT),
    Column("row_no", I64, "Position of the record inside its load, from 0.", purpose=_AUDIT, minimum=0),
    Column("source_object", S, "Vendor's name for the kind of record, e.g. ticket, Contract.", purpose=_AUDIT),
    Column("reason", S, "Reason code: why a row was set aside, suppressed or changed.", purpose=_AUDIT),
    Column("contract_version", I32, "Version of the contract a row was judged by.", purpose=_AUDIT, minimum=1),
    Column("detail", S, "Which field broke the rule and what was expected; never a personal value.", purpose=_AUDIT),
    Column("raw_line", S, "The record as received, when it could not be parsed.", pii=Pii.PERSONAL, purpose=_AUDIT),
    Column("rows_in_count", I64, "Records a load delivered.", "rows", purpose=_AUDIT, minimum=0),
    Column("accepted_count", I64, "Records accepted into canonical tables.", "rows", purpose=_AUDIT, minimum=0),
    Column("quarantined_count", I64, "Records set aside in quarantine.", "rows", purpose=_AUDIT, minimum=0),
    Column(
        "duplicate_count", I64, "Records recognised as repeats of an accepted one.", "rows", purpose=_AUDIT, minimum=0
    ),
    # time
    Column("occurred_at", T, "When it happened (event time).", "UTC"),
    Column("occurred_us", I64, "occurred_at as epoch microseconds, for engine-neutral arithmetic.", "us"),
    Column("known_at", T, "When this platform could first have known it (knowledge time).", "UTC"),
    Column("known_us", I64, "known_at as epoch microseconds.", "us"),
    Column(
        "known_date",
        D,
        "Day whose closed snapshot first sees the fact: date of (known_at - decision grace).",
        "UTC day",
    ),
    Column(
        "is_known_at_imputed",
        B,
        "known_at is occurred_at plus the source's declared lag, because no receipt time exists.",
    ),
    Column("event_date", D, "UTC day of occurred_at; partition of event tables.", "UTC day"),
    Column(
        "first_event_date", D, "Day under which the accepted copy of a duplicate is stored.", "UTC day", purpose=_AUDIT
    ),
    Column("session_date", D, "UTC day on which a session starts.", "UTC day"),
    Column(
        "as_of", D, "Snapshot day: facts with occurred_at before its midnight and known before decision_at.", "UTC day"
    ),
    Column("decision_at", T, "as_of + decision grace: when the snapshot may be computed and acted on.", "UTC"),
    Column("valid_from_at", T, "Start of validity in event time, inclusive.", "UTC"),
    Column("valid_to_at", T, "End of validity in event time, exclusive; null while it lasts.", "UTC"),
    Column("valid_from_date", D, "First day of validity in event time.", "UTC day"),
    Column("valid_to_date", D, "First day after validity in event time; 9999-12-31 while it lasts.", "UTC day"),
    Column(
        "known_from_date",
        D,
        "First known day on which this row may be used (inclusive, compare with known_date).",
        "UTC day",
    ),
    Column("known_to_date", D, "Known day from which a correction replaces this row; 9999-12-31 if never.", "UTC day"),
    Column("created_at", T, "When the vendor created the record.", "UTC"),
    Column("updated_at", T, "When the vendor last changed the record.", "UTC"),
    Column("started_at", T, "Start.", "UTC"),
    Column("started_us", I64, "started_at as epoch microseconds.", "us"),
    Column("ended_at", T, "End; null while it lasts.", "UTC"),
    Column("ended_us", I64, "ended_at as epoch microseconds.", "us"),
    Column(
        "time_confidence",
        S,
        "How far occurred_at can be trusted.",
        allowed=("exact", "skew_repaired", "clamped", "day_only"),
    ),
    Column("duration_ms", I64, "Length of the action or session.", "ms", purpose=_WEB, minimum=0),
    # who, where, what (R49, R64-R67)
    Column(
        "event_hi",
        I64,
        "Upper half of the 126-bit event id: hash of source and vendor id, or of the content.",
        purpose=_AUDIT,
    ),
    Column("event_lo", I64, "Lower half of the event id.", purpose=_AUDIT),
    Column("key_basis", S, "What the event id was hashed from.", purpose=_AUDIT, allowed=("vendor_id", "content")),
    Column("actor_key", I64, "Immutable key of the acting identifier: hash of id space, kind and source id.", pii=_KEY),
    Column("actor_kind", S, "Kind of identifier behind actor_key.", allowed=("user", "anonymous", "none")),
    Column(
        "linked_actor_key", I64, "The other identifier named by the same record (identify, alias, login).", pii=_KEY
    ),
    Column(
        "device_key", I64, "Key of the device's anonymous id, also on events of a signed-in user; 0 if none.", pii=_KEY
    ),
    Column("email_key", I64, "Hash of the normalised e-mail address; 0 if none.", pii=_KEY),
    Column("person_key", I64, "Canonical person: stable from day to day, 0 where nobody could be told.", pii=_KEY),
    Column("workspace_key", I64, "Key of the workspace the record names; 0 if it names none."),
    Column("workspace_id_source", S, "Workspace (group) id as the source has it."),
    Column("account_id", S, "Canonical account: the product's own account id."),
    Column("account_id_source", S, "Account id as the source has it."),
    Column("account_id_salesforce", S, "Salesforce account id, 18 characters."),
    Column("parent_account_id", S, "Account that owns this one; its money is never counted twice."),
    Column("account_name", S, "Customer's company name."),
    Column("event_kind", S, "Call type.", allowed=("track", "page", "identify", "group", "alias")),
    Column("event_name", S, "Canonical event name from the taxonomy (object_action, past tense).", purpose=_WEB),
    Column("event_name_source", S, "Event name as delivered.", purpose=_WEB),
    Column(
        "marker",
        S,
        "What the event says about the customer's progress; none where it is context only.",
        purpose=_WEB,
        allowed=("progress", "friction", "intent", "value", "none"),
    ),
    Column("is_core", B, "The event completes a value-bearing action (core workflow)."),
    Column("feature", S, "Product feature used.", purpose=_WEB),
    Column(
        "feature_bits",
        I64,
        "Set of features used, one bit per taxonomy feature (bitwise or adds sets).",
        "bit set",
        minimum=0,
    ),
    Column("workflow", S, "Workflow the event belongs to.", purpose=_WEB),
    Column("workflow_id", S, "One run of a workflow.", purpose=_FIX),
    Column("workflow_step", S, "Step inside the workflow.", purpose=_FIX),
    Column("workflow_state", S, "State the step reached.", purpose=_FIX),
    Column("error_code", S, "Error shown or returned.", purpose=_FIX),
    Column(
        "side",
        S,
        "Which layer emitted it: client for experience, server for business state (R54).",
        purpose=_WEB,
        allowed=("client", "server"),
    ),
    Column("app_area", S, "Area of the product.", purpose=_WEB),
    Column("device_type", S, "Device class.", purpose=_WEB),
    Column("plan_tier", S, "Plan on the record."),
    Column("feature_flag", S, "Flag variant the actor saw.", purpose=_WEB),
    Column("role", S, "Role of the actor in the account.", purpose=Purpose.ONBOARDING),
    Column("quantity", I64, "Units in the action, e.g. items ordered.", "units"),
    Column("amount_usd_cents", I64, "Money the action moved, in the reporting currency.", "USD cents"),
    # daily activity
    Column("event_count", I64, "Product events.", "events", minimum=0),
    Column("core_count", I64, "Core workflow completions.", "events", minimum=0),
    Column("friction_count", I64, "Friction markers.", "events", minimum=0),
    Column("intent_count", I64, "Intent markers.", "events", minimum=0),
    Column("progress_count", I64, "Progress markers.", "events", minimum=0),
    Column("session_count", I64, "Sessions started.", "sessions", minimum=0),
    Column("is_admin", B, "An admin acted."),
    # accounts and money
    Column(
        "tier",
        S,
        "Commercial tier from the CRM.",
        allowed=("self_serve", "growth", "enterprise", "strategic", "unknown"),
    ),
    Column("strategic_fit", S, "Strategic fit from the CRM.", allowed=("low", "medium", "high", "unknown")),
    Column("industry", S, "Industry from the CRM."),
    Column("owner_id", S, "Who owns the account, as the CRM's user id."),
    Column("owner_name", S, "Employee who owns the account.", pii=Pii.PERSONAL),
    Column("owner_email", S, "Work e-mail of the account owner.", pii=Pii.PERSONAL),
    Column("subscription_id", S, "One contract term.", purpose=Purpose.CHURN_DETECTION),
    Column("billing_period", S, "How the term renews.", allowed=("monthly", "annual", "none")),
    Column("term_end_at", T, "When the term ends unless renewed.", "UTC"),
    Column("notice_at", T, "When notice of end was given; its own knowledge time.", "UTC"),
    Column("end_reason", S, "Why it ended, as recorded."),
    Column("mrr_usd_cents", I64, "Monthly recurring revenue.", "USD cents", minimum=0),
    Column(
        "arr_usd_cents",
        I64,
        "Annual recurring revenue: 12 x MRR, or trailing revenue where there is no contract.",
        "USD cents",
        minimum=0,
    ),
    Column("seat_count", I64, "Seats bought.", "seats", minimum=0),
    Column("plan", S, "Plan name of the contract."),
    Column("opportunity_id", S, "CRM opportunity."),
    Column("opportunity_type", S, "New Business, Expansion or Renewal."),
    Column("stage", S, "Sales stage."),
    Column("close_date", D, "Expected or actual close.", "UTC day"),
    Column("closed_at", T, "When the CRM wrote down that it is closed, or deleted it.", "UTC"),
    Column("deleted_at", T, "When the vendor deleted the record.", "UTC"),
    Column("is_won", B, "Opportunity won."),
    Column("is_closed", B, "Opportunity closed."),
    # support
    Column("ticket_id", S, "Support ticket, prefixed by its source."),
    Column(
        "requester_key",
        I64,
        "Key of the person who asked: e-mail or product user; 0 if unknown.",
        pii=_KEY,
        purpose=_FIX,
    ),
    Column("status", S, "State.", purpose=_FIX),
    Column("priority", S, "Priority.", purpose=_FIX),
    Column("subject", S, "Subject as written, redacted.", pii=Pii.PERSONAL, purpose=_FIX),
    Column(
        "change",
        S,
        "What a ticket event did.",
        purpose=_FIX,
        allowed=tuple("opened commented replied breached escalated reopened solved changed deleted".split()),
    ),
    Column("user_id_source", S, "User id as the source has it.", pii=_KEY),
    # features: counts are integers over trailing windows ending at as_of
    *(
        Column(f"{what}_{w}d_count", I64, f"{text} in the {w} days before as_of.", unit, minimum=0)
        for what, text, unit in (
            ("event", "Product events", "events"),
            ("core", "Core workflow completions", "events"),
            ("friction", "Friction markers", "events"),
            ("intent", "Intent markers", "events"),
            ("progress", "Progress markers", "events"),
            ("session", "Sessions", "sessions"),
            ("active_day", "Days with any activity", "days"),
            ("active_person", "Distinct people active", "people"),
            ("active_admin", "Distinct admins active", "people"),
            ("feature", "Distinct features used", "features"),
            ("ticket", "Tickets opened", "tickets"),
            ("escalation", "Ticket escalations", "tickets"),
            ("reopen", "Ticket reopens", "tickets"),
        )
        for w in (7, 28, 84)
    ),
    *(
        Column(f"{what}_prior_28d_count", I64, f"{text} in the 28 days before those.", unit, minimum=0)
        for what, text, unit in (
            ("core", "Core workflow completions", "events"),
            ("friction", "Friction markers", "events"),
            ("session", "Sessions", "sessions"),
            ("active_person", "Distinct people active", "people"),
            ("feature", "Distinct features used", "features"),
            ("event", "Product events", "events"),
        )
    ),
    *(
        Column(f"revenue_{w}d_usd_cents", I64, f"Money moved by events in the {w} days before as_of.", "USD cents")
        for w in (28, 84, 364)
    ),
    Column("event_364d_count", I64, "Product events in the 364 days before as_of.", "events", minimum=0),
    Column("active_day_364d_count", I64, "Days with any activity in the 364 days before as_of.", "days", minimum=0),
    Column(
        "core_trend_ratio", F, "Core completions: last 28 days over the 28 before, shrunk by 5.", "ratio", minimum=0
    ),
    Column(
        "depth_trend_ratio",
        F,
        "Core completions per active person: last 28 days over the 28 before, shrunk.",
        "ratio",
        minimum=0,
        made_of=("core_28d_count", "core_prior_28d_count"),
    ),
    Column("spread_trend_ratio", F, "Active people: last 28 days over the 28 before, shrunk by 1.", "ratio", minimum=0),
    Column(
        "friction_rate_ratio",
        F,
        "Friction markers per core completion over 28 days, shrunk.",
        "ratio",
        minimum=0,
        made_of=("core_28d_count",),
    ),
    Column("seat_use_ratio", F, "People active in 28 days per seat; null without seats.", "ratio", minimum=0),
    Column(
        "days_since_last_event",
        I64,
        "Days from the last visible event to as_of; null if never active.",
        "days",
        minimum=0,
    ),
    Column(
        "days_since_escalation", I64, "Days from the last visible escalation to as_of; null if none.", "days", minimum=0
    ),
    Column("open_ticket_count", I64, "Tickets open at as_of.", "tickets", minimum=0),
    Column("tenure_days", I64, "Days since the account's first paid day or first activity.", "days", minimum=0),
    Column("days_to_renewal", I64, "Days from as_of to the end of the current term; null without a term.", "days"),
    Column("term_count", I64, "Terms signed so far, this one included.", "terms", minimum=0),
    Column(
        "is_eligible", B, "Paying, tenure at least the policy's minimum, no notice known: may be scored and trained on."
    ),
    # churn
    Column("is_churned", B, "Label: the relationship ended within the horizon after as_of."),
    Column("is_label_closed", B, "The horizon has passed, so the label is final."),
    Column("is_censored", B, "Left by merger or acquisition: no label."),
    Column("fold", I16, "Account fold: hash of the account group modulo the number of folds.", minimum=0),
    Column(
        "churn_probability",
        F,
        "Probability that the account churns within the horizon.",
        "probability",
        minimum=0,
        maximum=1,
    ),
    Column(
        "baseline_probability",
        F,
        "The same from contract terms alone (no behaviour).",
        "probability",
        minimum=0,
        maximum=1,
    ),
    Column("score_low", F, "Lower end of the 80 % interval of churn_probability.", "probability", minimum=0, maximum=1),
    Column(
        "score_high", F, "Upper end of the 80 % interval of churn_probability.", "probability", minimum=0, maximum=1
    ),
    Column(
        "model_rung",
        S,
        "Step of the model ladder that made the score.",
        allowed=("base_rate", "rules", "contract_and_index", "contract_hazard", "lightgbm_unproven", "lightgbm"),
    ),
    Column("model_id", S, "Content hash of the model artefact.", purpose=_AUDIT),
    Column("feature_contract_id", S, "Hash of the feature list the model was trained on.", purpose=_AUDIT),
    Column(
        "trained_label_to_at", T, "Latest label end used in training; never after decision_at.", "UTC", purpose=_AUDIT
    ),
    Column("training_row_count", I64, "Rows trained on.", "rows", purpose=_AUDIT, minimum=0),
    Column(
        "training_churned_account_count",
        I64,
        "Distinct churned accounts in training.",
        "accounts",
        purpose=_AUDIT,
        minimum=0,
    ),
    Column(
        "calibration",
        S,
        "Calibration applied, by the number of churned accounts.",
        purpose=_AUDIT,
        allowed=("none", "intercept", "platt", "isotonic"),
    ),
    Column(
        "behaviour_skill_ratio",
        F,
        "Area under the ROC curve of contract and behaviour minus that of the contract alone, on accounts the models never saw.",
        purpose=_AUDIT,
    ),
    Column(
        "behaviour_null_ratio",
        F,
        "What that difference must exceed to be more than chance (permutation null).",
        purpose=_AUDIT,
    ),
    Column("reason_rank", I16, "Rank of the reason, 1 is strongest.", minimum=1),
    Column("reason_feature", S, "Feature the reason stands on."),
    Column("reason_value", F, "Value of that feature; null if missing."),
    Column(
        "contribution",
        F,
        "What the reason adds to the log odds: LightGBM's contributions of its theme, or an explanation's share of those of behaviour.",
        "log odds",
    ),
    Column("reason_text", S, "The reason in plain words."),
    # revenue and alerts
    Column("revenue_at_risk_usd_cents", I64, "churn_probability x ARR.", "USD cents", minimum=0),
    Column(
        "expected_saved_usd_cents",
        I64,
        "revenue_at_risk x the policy's assumed save rate: the ranking.",
        "USD cents",
        minimum=0,
    ),
    Column("snapshot_version", I32, "0 as first recorded; higher after an explicit restatement.", minimum=0),
    Column("detector", S, "Alert rule that found it."),
    Column(
        "audience",
        S,
        "Who acts: customer_success, product, sales or engineering.",
        allowed=("customer_success", "product", "sales", "engineering"),
    ),
    Column("fingerprint", S, "Identity of an alert or finding: what it is about and its kind, hashed."),
    Column("evidence_id", S, "Content hash of the frozen evidence bundle.", purpose=_AUDIT),
    Column("evidence_json", S, "What the finding stands on: numbers, thresholds, row pointers; no personal data."),
    Column("title", S, "One line for people."),
    Column("summary", S, "Why, in plain words."),
    Column("threshold", S, "The rule that made it actionable, with numbers."),
    Column("system_to_update", S, "System the action updates."),
    Column("follow_up", S, "What closes the loop."),
    Column("playbook", S, "Action the catalogue prescribes."),
    Column("decision", S, "What happened to a candidate.", allowed=("alert", "suppressed", "over_budget")),
    Column("alert_id", S, "Alert from its opening on, as the ledger names it.", purpose=_AUDIT),
    Column("silence_id", S, "Silence: when it was recorded, and its number in the ledger.", purpose=_AUDIT),
    Column("from_at", T, "Findings are held back from here on, inclusive.", "UTC"),
    Column("until_at", T, "Findings are held back until here, exclusive.", "UTC"),
    Column("verdict_id", S, "Verdict: when it was recorded, and its number in the ledger.", purpose=_AUDIT),
    Column(
        "verdict",
        S,
        "What a person said an alert was worth.",
        allowed=("useful", "false_positive", "expected", "already_known", "too_late"),
    ),
    Column("rank", I32, "Rank by expected revenue saved within the owner's week, 1 is highest.", minimum=1),
)

_ALL: tuple[Column, ...] = (
    *_COLUMNS,
    *ALERT_COLUMNS,
    *BEHAVIOR_COLUMNS,
    *CHANGE_COLUMNS,
    *CHURN_COLUMNS,
    *COHORT_COLUMNS,
    *EVIDENCE_COLUMNS,
    *EXCHANGE_COLUMNS,
    *GOVERNANCE_COLUMNS,
    *IDENTITY_COLUMNS,
    *KPI_COLUMNS,
    *QUALITY_COLUMNS,
    *REVIEW_COLUMNS,
)
VOCABULARY: dict[str, Column] = {c.name: c for c in _ALL}
if len(VOCABULARY) != len(_ALL):
    raise ValueError("a column is defined twice in the vocabulary")


def columns(names: str) -> tuple[Column, ...]:
    """The named columns, in the order given.

    Args:
        names: column names separated by white space.

    Raises:
        KeyError: a name is not in the vocabulary.
    """
    return tuple(VOCABULARY[n] for n in names.split())
