"""The vocabulary's words on identity: identifiers, the edges between them, and what people take back.

Here: columns of the tables in `tables_identity` and of the evidence they stand on. Not here: words that tables of several rooms share
(`vocabulary`, which also joins these to the whole).
"""

from uam_platform.contracts.model import Column, Pii, Purpose, Type

_AUDIT = Purpose.COMPLIANCE
_KEY = Pii.PSEUDONYM

IDENTITY_COLUMNS: tuple[Column, ...] = (
    Column(
        "evidence",
        Type.STRING,
        "Which edge supports the link.",
        purpose=_AUDIT,
        allowed=("identify", "alias", "login", "membership", "directory", "self", "email"),
    ),
    Column("identifier_kind", Type.STRING, "Kind of identifier.", allowed=("user", "anonymous", "email", "workspace")),
    Column("identifier_key", Type.INT64, "Key of the identifier.", pii=_KEY),
    Column(
        "retraction_id",
        Type.STRING,
        "Retraction of an edge: when it was recorded, and its number in the ledger.",
        purpose=_AUDIT,
    ),
    Column(
        "edge_change", Type.STRING, "What a person did to an edge.", purpose=_AUDIT, allowed=("retracted", "restored")
    ),
    Column(
        "linked_user_key",
        Type.INT64,
        "linked_actor_key read as a user id: an alias may replace a device id or a user id.",
        pii=_KEY,
    ),
    Column("email_domain_key", Type.INT64, "Hash of the address's domain; null without an address.", pii=_KEY),
    Column(
        "email_stem_key",
        Type.INT64,
        "Hash of what precedes the address's @, without digits and separators at its end; null if nothing stays.",
        pii=_KEY,
    ),
    Column(
        "actor_stem_key",
        Type.INT64,
        "Hash of the user id without digits and separators at its end; null without a user id, or if nothing stays.",
        pii=_KEY,
    ),
    Column(
        "exclusion",
        Type.STRING,
        "Rule of identity_exclusions.yaml that keeps the activity out of all that is judged; null where none does.",
        purpose=_AUDIT,
    ),
    Column("exclusion_kind", Type.STRING, "Who is kept out.", purpose=_AUDIT, allowed=("employee", "robot", "test")),
)
