"""Arrow schemas of everything a world writes.

Belongs here: column names, types and order of ``company/`` and ``truth/``. Does not belong here: how a column is filled
(``deliveries``, ``crm``, ``support``, ``truth``) or how it is written to disk (``store``).
"""

from typing import Any

import pyarrow as pa

_AT = pa.timestamp("us", tz="UTC")
_TYPES: dict[str, Any] = {
    "str": pa.string(), "at": _AT, "date": pa.date32(), "i16": pa.int16(), "i32": pa.int32(), "i64": pa.int64(),
    "bool": pa.bool_(), "double": pa.float64(), "float": pa.float32(), "list": pa.list_(pa.string()),
}  # fmt: skip


def _schema(columns: str) -> Any:
    """Return a schema from ``name:type`` words; a word without a type is a string."""
    fields = []
    for word in columns.split():
        name, _, kind = word.partition(":")
        fields.append(pa.field(name, _TYPES[kind or "str"]))
    return pa.schema(fields)


DELIVERIES = _schema(
    "message_id type event name user_id anonymous_id previous_id group_id original_at:at sent_at:at received_at:at"
    " tz_offset_min:i16 side library library_version device_type browser app_area plan_tier feature_flag feature"
    " workflow workflow_id workflow_step workflow_state duration_ms:i32 error_code role email account_id"
    " amount_usd_cents:i64 quantity:i32 defect delivery_no:i64"
)
BACKEND_LOGS = _schema(
    "trace_id span_id service method route status:i16 duration_ms:i32 attempt:i16 workspace_id user_id workflow workflow_id"
    " error_code level occurred_at:at received_at:at"
)
COMPANY: dict[str, Any] = {
    "releases": _schema("release_id version title kind component notes flag_key released_at:at"),
    "flag_exposures": _schema("flag_key account_id workspace_id exposed_at:at variant"),
    "public_calendar": _schema("name kind utc_offset_min:i32 industry starts_on:date ends_on:date"),
    "zendesk_tickets": _schema(
        "ticket_id:i64 created_at:at updated_at:at generated_at:at status priority type subject description"
        " requester_id:i64 organization_id:i64 assignee_id:i64 group_id:i64 tags:list via_channel"
    ),
    "zendesk_ticket_events": _schema(
        "event_id:i64 ticket_id:i64 occurred_at:at updater_id:i64 via field value previous_value comment_body"
        " is_public:bool"
    ),
    "zendesk_users": _schema(
        "zendesk_user_id:i64 name email role organization_id:i64 external_id created_at:at updated_at:at"
    ),
    "zendesk_organizations": _schema("organization_id:i64 name external_id created_at:at updated_at:at"),
    "zendesk_satisfaction_ratings": _schema(
        "id:i64 score comment ticket_id:i64 requester_id:i64 assignee_id:i64 group_id:i64 created_at:at updated_at:at"
    ),
    "zendesk_ticket_metric_events": _schema("id:i64 ticket_id:i64 metric instance_id:i64 type time:at"),
    "zendesk_conversations": _schema(
        "conversation_id ticket_id:i64 organization_id:i64 requester_id:i64 channel created_at:at updated_at:at"
    ),
    "zendesk_conversation_messages": _schema("message_id conversation_id author_type author_id:i64 body sent_at:at"),
    "gong_users": _schema("id emailAddress firstName lastName title phoneNumber managerId active:bool created:at"),
    "gong_calls": _schema(
        "id url title scheduled:at started:at duration:i32 primaryUserId direction system scope media language"
        " workspaceId purpose meetingUrl isPrivate:bool calendarEventId account_sf_id parties readable_at:at"
    ),
    "gong_transcripts": _schema("call_id speaker_id topic start_ms:i32 end_ms:i32 text"),
    "documents": _schema("document_id kind account_id title created_at:at author body"),
    "salesforce_user": _schema("Id Name Email IsActive:bool CreatedDate:at SystemModstamp:at"),
    "salesforce_account": _schema(
        "Id Name ParentId OwnerId Type Industry NumberOfEmployees:i32 Tier__c Strategic_Fit__c Product_Account_Id__c"
        " IsDeleted:bool CreatedDate:at LastModifiedDate:at SystemModstamp:at"
    ),
    "salesforce_contact": _schema(
        "Id AccountId Email FirstName LastName Title CreatedDate:at SystemModstamp:at IsDeleted:bool"
    ),
    "salesforce_opportunity": _schema(
        "Id AccountId Name StageName Amount:double CloseDate:date Type OwnerId IsClosed:bool IsWon:bool CreatedDate:at"
        " SystemModstamp:at"
    ),
    "salesforce_contract": _schema(
        "Id AccountId ContractNumber Status StartDate:date EndDate:date ContractTerm:i32 Billing_Period__c"
        " MRR_USD__c:double Seats__c:i32 Plan__c Renewed_From__c Notice_Date__c:date Ended_Date__c:date End_Reason__c"
        " CreatedDate:at LastModifiedDate:at SystemModstamp:at"
    ),
    "salesforce_contract_history": _schema("Id ContractId Field OldValue NewValue CreatedDate:at"),
    "salesforce_account_history": _schema("Id AccountId Field OldValue NewValue CreatedDate:at"),
}
TRUTH: dict[str, Any] = {
    "cohorts": _schema("cohort account_id person_id valid_from:at valid_to:at"),
    "releases": _schema("release_id version flag_key workflow is_harmful:bool released_at:at affected_accounts:i32"),
    "expansions": _schema(
        "account_id drive_from:at drive_to:at grew_at:at seats_before:i32 seats_after:i32 mrr_delta_usd_cents:i64"
        " is_driven:bool"
    ),
    "sequences": _schema("planting_id sequence account_id person_id first_at:at last_at:at is_decoy:bool"),
    "patterns": _schema("pattern_id account_id outcome steps:list first_at:at last_at:at"),
    "accounts": _schema(
        "account_id segment plan is_monthly:bool started_at:at size:double vulnerability:double fit causes:list"
    ),
    "health": _schema(
        "account_id as_of:at distress:float level_broken_workflow:float level_onboarding_friction:float"
        " level_champion_left:float level_support_incident:float level_poor_fit:float days_to_decision:i16"
        " p_churn_56d:double"
    ),
    "churn": _schema(
        "account_id spell_no:i32 ended_at:at cause family is_causal:bool notice_at:at is_censored:bool"
        " is_after_end:bool"
    ),
    "episodes": _schema(
        "episode_id account_id cause family onset_at:at end_at:at severity:double is_harmful:bool is_announced:bool"
        " is_onset_before_start:bool"
    ),
    "people": _schema("person_id identifier_kind identifier valid_from:at valid_to:at"),
    "memberships": _schema("person_id account_id role valid_from:at valid_to:at"),
    "statements": _schema(
        "statement_id source source_ref account_id person_id said_at:at theme sentiment:double is_escalation:bool"
        " is_renewal_concern:bool is_buying_signal:bool quote pii_kinds:list"
    ),
    "pii": _schema("source source_ref kind value is_pii:bool"),
    "shared_devices": _schema("anonymous_id person_id is_owner:bool"),
    "hierarchy": _schema("workspace_id account_id parent_account_id valid_from:at valid_to:at"),
    "person_kinds": _schema("person_id kind account_id"),
    "account_events": _schema("account_id kind other_account_id at:at"),
    "drift": _schema("event renamed_to library_version valid_from:at valid_to:at kind share:double"),
}
TRUTH_DELIVERIES = _schema(
    "delivery_no:i64 message_id true_event_no:i64 is_duplicate:bool repeat_kind defect true_person_id true_account_id"
    " true_event_name true_occurred_at:at"
)
AMPLITUDE_EVENTS = _schema(
    "insert_id event_type user_id device_id session_id:i64 event_time:at client_upload_time:at server_received_time:at"
    " library platform group_id feature workflow workflow_id workflow_step workflow_state duration_ms:i32 error_code"
    " quantity:i32"
)
SECOND_TOOL = _schema(
    "tool insert_id true_event_no:i64 is_forwarded:bool true_person_id true_account_id true_event_name"
    " true_occurred_at:at"
)
TRUTH_LOG_LINES = _schema(
    "trace_id span_id attempt:i16 true_event_no:i64 true_person_id true_account_id true_event_name true_occurred_at:at"
)
LOST_EVENTS = _schema("true_event_no:i64 true_person_id true_account_id true_event_name true_occurred_at:at reason")
