"""Contracts of identity: who belongs to whom, over which time, and which identifiers became one.

Here: the tables of the identity stage and the retractions of people. Not here: the evidence they stand on (`tables`), what a column
means (`vocabulary`).
"""

from uam_platform.contracts.model import Contract
from uam_platform.contracts.vocabulary import columns

HIERARCHY = Contract(
    stage="identity",
    name="hierarchy",
    grain="one workspace and period with one account",
    description="Workspace to account to parent, with validity.",
    columns=columns(
        "workspace_key workspace_id_source account_id parent_account_id exclusion valid_from_date valid_to_date known_from_date "
        "known_to_date"
    ),
    key=("workspace_key", "valid_from_date", "known_from_date"),
    nullable=frozenset({"workspace_id_source", "parent_account_id", "exclusion"}),
    version=2,
)
PEOPLE = Contract(
    stage="identity",
    name="people",
    grain="one identifier and period in which it belongs to one person",
    description="Identifier to person, in event time and knowledge time.",
    columns=columns(
        "identifier_key identifier_kind person_key evidence exclusion valid_from_date valid_to_date known_from_date known_to_date"
    ),
    key=("identifier_key", "identifier_kind", "valid_from_date", "known_from_date"),
    nullable=frozenset({"exclusion"}),
    version=2,
)
MEMBERSHIPS = Contract(
    stage="identity",
    name="memberships",
    grain="one person, account, role and period",
    description="Who belonged to which account in which role, when.",
    columns=columns(
        "person_key account_id role evidence exclusion valid_from_date valid_to_date known_from_date known_to_date"
    ),
    key=("person_key", "account_id", "valid_from_date", "known_from_date"),
    nullable=frozenset({"role", "exclusion"}),
    version=2,
)
AMBIGUOUS_IDENTIFIERS = Contract(
    stage="identity",
    name="ambiguous_identifiers",
    grain="one identifier, or edge of it to a user id, that is left with nobody for one reason, and known days in which it is",
    description="What stays anonymous instead of being guessed, with the reason.",
    columns=columns("identifier_key identifier_kind linked_actor_key reason known_from_date known_to_date"),
    key=("identifier_key", "identifier_kind", "linked_actor_key", "reason", "known_from_date"),
    nullable=frozenset({"linked_actor_key"}),
)
EXCLUDED_PEOPLE = Contract(
    stage="identity",
    name="excluded_people",
    grain="one identifier by which one rule keeps a person out, and known days in which it does",
    description="The vendor's staff, robots and test accounts among persons: by which identifier and rule, and why.",
    columns=columns(
        "person_key identifier_kind identifier_key exclusion exclusion_kind reason_text known_from_date known_to_date"
    ),
    key=("person_key", "identifier_kind", "identifier_key", "exclusion", "known_from_date"),
)
EXCLUDED_ACCOUNTS = Contract(
    stage="identity",
    name="excluded_accounts",
    grain="one account that one rule keeps out, event days and known days in which it does",
    description="Accounts that are no customers (the vendor's own, tests): by which rule, and why.",
    columns=columns(
        "account_id exclusion exclusion_kind reason_text valid_from_date valid_to_date known_from_date known_to_date"
    ),
    key=("account_id", "valid_from_date", "known_from_date"),
)
MERGE_LOG = Contract(
    stage="identity",
    name="merge_log",
    grain="one edge that joins an identifier to a user id, and known days in which it does",
    description="Why identifiers share a person: which edge, from which source, since when; what to retract to undo it.",
    columns=columns(
        "person_key identifier_key identifier_kind linked_actor_key evidence source occurred_at known_at known_from_date known_to_date"
    ),
    key=("identifier_kind", "identifier_key", "linked_actor_key", "known_from_date"),
    version=2,
)
IDENTITY_RETRACTIONS = Contract(
    stage="staging",
    name="identity_retractions",
    grain="one retraction of an edge by a person, or its withdrawal",
    description="Edges that people took back: identity is resolved without them from known_date on, until they are restored.",
    columns=columns(
        "source retraction_id identifier_kind identifier_key linked_actor_key edge_change known_at known_date load_id"
    ),
    key=("retraction_id",),
)

CONTRACTS_IDENTITY: tuple[Contract, ...] = (
    HIERARCHY,
    PEOPLE,
    MEMBERSHIPS,
    MERGE_LOG,
    AMBIGUOUS_IDENTIFIERS,
    EXCLUDED_PEOPLE,
    EXCLUDED_ACCOUNTS,
    IDENTITY_RETRACTIONS,
)
