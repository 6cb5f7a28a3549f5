"""The vocabulary's words on what people say: utterances, statements, themes.

Here: columns of the tables in `tables_evidence`. Not here: words that tables of several rooms share (`vocabulary`, which also
joins these to the whole).
"""

from uam_platform.contracts.model import Column, Pii, Purpose, Type

_WEB, _FIX = Purpose.PRODUCT_DECISIONS, Purpose.ISSUE_RESOLUTION
DOCUMENT_KINDS = ("research", "transcript", "implementation_notes", "contract_note", "other")
_B, _I64, _F, _S = Type.BOOL, Type.INT64, Type.FLOAT64, Type.STRING


def _count(name: str, meaning: str, unit: str) -> Column:
    return Column(name, _I64, meaning, unit, purpose=_WEB, minimum=0)


EVIDENCE_COLUMNS: tuple[Column, ...] = (
    Column("utterance_id", _S, "What one person wrote or said at once: channel, source and the vendor's id."),
    Column(
        "channel",
        _S,
        "Where it was said.",
        allowed=("ticket", "ticket_comment", "chat", "call", "document", "rating"),
    ),
    Column("conversation_id", _S, "Ticket, chat, call or document it belongs to, prefixed by its source."),
    Column(
        "author_kind", _S, "Who speaks: customer, own staff, or not known.", allowed=("customer", "agent", "unknown")
    ),
    Column("call_id", _S, "A recorded call, prefixed by its source."),
    Column(
        "attached_by",
        _S,
        "What led from a call, document or signal to its account: a link of the CRM, the participants' addresses, its own word, "
        "the rulebook's mapping, its folder, its title, the person it names, or nothing.",
        allowed=("crm", "participants", "declared", "mapping", "folder", "title", "person", "nothing"),
    ),
    Column("direction", _S, "Who called whom.", purpose=_WEB, allowed=("inbound", "outbound", "conference", "unknown")),
    _count("customer_count", "Participants of the customer.", "people"),
    _count("agent_count", "Participants of our own staff.", "people"),
    Column("has_transcript", _B, "The words of the call have arrived."),
    Column("document_id", _S, "A document: its declared id or a hash of its path, prefixed by its source."),
    Column("file", _S, "Path of the file below the folder or bucket prefix that is read.", pii=Pii.PERSONAL),
    Column("content_hash", _S, "SHA-256 of the file's bytes.", purpose=Purpose.COMPLIANCE),
    Column("media_type", _S, "What a file is: application/pdf, text/markdown or text/plain.", purpose=_WEB),
    Column("document_kind", _S, "What a document is, by its own word or the rulebook.", allowed=DOCUMENT_KINDS),
    Column("page_no", _I64, "Page of the document on which it stands, from 1.", purpose=_WEB, minimum=1),
    _count("page_count", "Pages of the document; 1 where the file has none.", "pages"),
    _count("text_page_count", "Pages with text; the others are pictures or empty.", "pages"),
    Column(
        "written_at",
        Type.TIMESTAMP,
        "When it was written: as declared, else as the file says, else its time of change.",
        "UTC",
    ),
    Column("modified_at", Type.TIMESTAMP, "Time of change of the file.", "UTC"),
    Column("removed_at", Type.TIMESTAMP, "When the file was first seen to be gone; its words went with it.", "UTC"),
    Column("said_at", Type.TIMESTAMP, "When it was said.", "UTC"),
    Column("text", _S, "The words, redacted before they were stored.", pii=Pii.PERSONAL, purpose=_FIX),
    _count("redaction_count", "Places where something personal was cut out.", "places"),
    Column("rating_id", _S, "One question for satisfaction, prefixed by its source.", purpose=_FIX),
    Column(
        "satisfaction",
        _S,
        "How content a customer was with the support; offered: asked and not answered.",
        purpose=_FIX,
        allowed=("offered", "unoffered", "good", "bad"),
    ),
    Column("satisfaction_reason", _S, "Why a rating was bad, from the help desk's list.", purpose=_FIX),
    Column("statement_id", _S, "Identity of a statement: hash of its utterance and topic."),
    Column("topic", _S, "Topic of the rulebook; null where none fits.", purpose=_WEB),
    Column("sentiment", _F, "Tone: -1 very negative, 0 neutral, 1 very positive.", purpose=_WEB, minimum=-1, maximum=1),
    Column("is_escalation", _B, "The speaker asks for somebody higher up, or threatens.", purpose=_FIX),
    Column("is_reopen", _B, "It came with the reopening of a solved ticket.", purpose=_FIX),
    Column("is_renewal_concern", _B, "The speaker doubts that the contract will be renewed."),
    Column("is_buying_signal", _B, "The speaker asks for more: seats, plan, products."),
    Column("signal_reason", _S, "Which rules made the flags, as the rulebook names them.", purpose=_FIX),
    Column("quote", _S, "The sentence that carries it, redacted.", pii=Pii.PERSONAL, purpose=_WEB),
    _count("mention_count", "Statements.", "statements"),
    _count("call_mention_count", "Statements made in calls; part of the mentions.", "statements"),
    _count("call_account_count", "Distinct accounts that speak of it in calls.", "accounts"),
    Column("sentiment_sum", _F, "Sum of the sentiment of the statements.", purpose=_WEB),
    Column("sentiment_mean", _F, "Mean sentiment of the statements.", purpose=_WEB, minimum=-1, maximum=1),
    _count("escalation_count", "Statements that escalate.", "statements"),
    _count("reopen_count", "Statements that came with a reopening.", "statements"),
    _count("renewal_concern_count", "Statements of doubt about the renewal.", "statements"),
    _count("buying_signal_count", "Statements that ask for more.", "statements"),
    _count("mentioning_account_count", "Distinct accounts that speak of it.", "accounts"),
    Column(
        "account_share_ratio",
        _F,
        "Accounts that speak of it among all that spoke.",
        "ratio",
        purpose=_WEB,
        minimum=0,
        maximum=1,
    ),
    _count("mentioning_arr_usd_cents", "ARR of the accounts that speak of it.", "USD cents"),
    Column(
        "arr_share_ratio",
        _F,
        "That ARR among the ARR of all customers; null without contracts.",
        "ratio",
        purpose=_WEB,
        minimum=0,
        maximum=1,
    ),
    Column(
        "loudest_share_ratio",
        _F,
        "Share of the statements that the loudest account made.",
        "ratio",
        purpose=_WEB,
        minimum=0,
        maximum=1,
    ),
    Column(
        "effective_account_count",
        _F,
        "1 / sum of squared shares of the accounts: as many equally loud accounts would sound like this.",
        "accounts",
        purpose=_WEB,
        minimum=0,
    ),
    _count("previous_mention_count", "Statements of the window before.", "statements"),
    Column("trend_ratio", _F, "Statements over those of the window before, both plus one.", "ratio", purpose=_WEB),
    Column(
        "breadth",
        _S,
        "broad: many accounts; loud: few accounts say much; small: little was said.",
        purpose=_WEB,
        allowed=("broad", "loud", "small"),
    ),
    Column(
        "member_share_ratio",
        _F,
        "Members that speak of it among all members.",
        "ratio",
        purpose=_WEB,
        minimum=0,
        maximum=1,
    ),
    Column(
        "other_share_ratio",
        _F,
        "Other accounts that speak of it among all others.",
        "ratio",
        purpose=_WEB,
        minimum=0,
        maximum=1,
    ),
    Column(
        "member_lift_ratio",
        _F,
        "Members' share over the others', both shrunk by half an account.",
        "times",
        purpose=_WEB,
        minimum=0,
    ),
    Column(
        "chance_ratio",
        _F,
        "Probability that at least so many members speak of it, were its speakers spread by chance.",
        "probability",
        purpose=_WEB,
        minimum=0,
        maximum=1,
    ),
    Column("theme_no", _I64, "Position of an emerging theme, 1 is the strongest.", purpose=_WEB, minimum=1),
    Column("terms", _S, "The words that set it apart, strongest first.", purpose=_WEB),
    Column(
        "lift_ratio",
        _F,
        "Share of recent statements with its first word over the share in earlier ones.",
        "ratio",
        purpose=_WEB,
        minimum=0,
    ),
)
