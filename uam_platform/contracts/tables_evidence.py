"""Contracts of what people say: utterances as landed, statements, themes.

Here: the tables of the evidence stage, and the utterances of staging it stands on. Not here: what a column means
(`vocabulary_evidence`, `vocabulary`), tickets and their changes (`tables`).
"""

from uam_platform.contracts.model import Contract
from uam_platform.contracts.vocabulary import columns

UTTERANCES = Contract(
    stage="staging",
    name="utterances",
    grain="what one person wrote or said at once: a ticket's description, a comment, a message",
    description="Words of customers and staff from every channel in one shape, redacted before they are stored (R45, R46, R170).",
    columns=columns(
        "utterance_id source channel ticket_id conversation_id account_id author_kind page_no said_at known_at known_date text "
        "redaction_count load_id row_no"
    ),
    key=("utterance_id",),
    nullable=frozenset({"ticket_id", "conversation_id", "account_id", "page_no"}),
    version=2,
)
CALLS = Contract(
    stage="staging",
    name="calls",
    grain="one recorded call",
    description="Calls with customers: whose account, who took part, whether its words have arrived (R35, R46). The words are UTTERANCES.",
    columns=columns(
        "source call_id account_id attached_by title direction started_at duration_ms customer_count agent_count has_transcript "
        "known_at known_date load_id row_no"
    ),
    key=("call_id",),
    nullable=frozenset({"account_id", "duration_ms"}),
)
DOCUMENTS = Contract(
    stage="staging",
    name="documents",
    grain="one document: the newest reading of one file",
    description="Research, transcripts, notes (R41, R46): where each came from, whose it is and what led there; null account: nothing did. "
    "The words are UTTERANCES of channel document, each with its page. A file that is gone keeps its row and loses its words.",
    columns=columns(
        "source document_id file content_hash media_type document_kind title account_id attached_by page_count text_page_count "
        "written_at modified_at removed_at known_at known_date load_id row_no"
    ),
    key=("document_id",),
    nullable=frozenset({"account_id", "removed_at"}),
)
SATISFACTION_RATINGS = Contract(
    stage="staging",
    name="satisfaction_ratings",
    grain="one question whether a customer was content with the support, and its answer",
    description="Answers of customers on tickets and chats, each known since it was given (R45); the comment is an utterance.",
    columns=columns(
        "source rating_id ticket_id account_id requester_key satisfaction satisfaction_reason occurred_at known_at known_date "
        "load_id row_no"
    ),
    key=("rating_id",),
    nullable=frozenset({"ticket_id", "account_id", "satisfaction_reason"}),
)
STATEMENTS = Contract(
    stage="evidence",
    name="statements",
    grain="one topic of one utterance of a customer, or the utterance without a topic",
    description="What customers say: topic, tone, escalation, renewal concern, buying signal, and the redacted sentence that "
    "carries it, with a pointer to its record (R45, R46, R113).",
    columns=columns(
        "statement_id utterance_id source channel ticket_id conversation_id account_id page_no said_at known_at known_date topic "
        "sentiment is_escalation is_reopen is_renewal_concern is_buying_signal signal_reason quote redaction_count load_id row_no"
    ),
    key=("statement_id",),
    nullable=frozenset({"ticket_id", "conversation_id", "account_id", "page_no", "topic", "signal_reason"}),
    version=2,
)
ACCOUNT_THEMES = Contract(
    stage="evidence",
    name="account_themes",
    grain="one account, topic and known day",
    description="Statements per account and topic, to be summed over known days before a snapshot.",
    columns=columns(
        "account_id topic known_date mention_count call_mention_count sentiment_sum escalation_count reopen_count renewal_concern_count "
        "buying_signal_count"
    ),
    key=("account_id", "topic", "known_date"),
)
THEMES = Contract(
    stage="evidence",
    name="themes",
    grain="one topic and week: the window of the rulebook before as_of",
    description="Breadth beside loudness: how many accounts and how much revenue speak of a topic, how much of it is one account, "
    "and whether it grows.",
    columns=columns(
        "as_of topic mention_count call_mention_count mentioning_account_count call_account_count account_share_ratio "
        "mentioning_arr_usd_cents arr_share_ratio loudest_share_ratio effective_account_count previous_mention_count trend_ratio "
        "sentiment_mean escalation_count breadth statement_id quote"
    ),
    key=("as_of", "topic"),
    nullable=frozenset({"arr_share_ratio"}),
)
EMERGING_THEMES = Contract(
    stage="evidence",
    name="emerging_themes",
    grain="one group of words, as of the last week",
    description="Words that statements without a topic use more than before: candidates for the rulebook's topics.",
    columns=columns(
        "as_of theme_no terms mention_count mentioning_account_count lift_ratio sentiment_mean statement_id quote"
    ),
    key=("as_of", "theme_no"),
)

COHORT_THEMES = Contract(
    stage="evidence",
    name="cohort_themes",
    grain="one cohort of the latest week and one topic",
    description="What members of a cohort speak of more than others, with a quote: why they behave as they do (R113).",
    columns=columns(
        "as_of cohort cohort_name topic account_count mentioning_account_count mention_count member_share_ratio other_share_ratio "
        "member_lift_ratio chance_ratio sentiment_mean statement_id quote"
    ),
    key=("as_of", "cohort", "topic"),
)

CONTRACTS_EVIDENCE: tuple[Contract, ...] = (
    UTTERANCES,
    CALLS,
    DOCUMENTS,
    SATISFACTION_RATINGS,
    STATEMENTS,
    ACCOUNT_THEMES,
    THEMES,
    EMERGING_THEMES,
    COHORT_THEMES,
)
