"""Contracts of identity: who belongs to whom, over which time, and which identifiers became one.

Here: the tables of the identity stage. Not here: the evidence they stand on (`tables`), what a column means (`vocabulary`).
"""

from uam_platform.contracts.model import Contract
from uam_platform.contracts.vocabulary import columns

HIERARCHY = Contract(
    stage="identity",
    name="hierarchy",
    grain="one workspace and period with one account",
    description="Workspace to account to parent, with validity.",
    columns=columns(
        "workspace_key workspace_id_source account_id parent_account_id valid_from_date valid_to_date known_from_date known_to_date"
    ),
    key=("workspace_key", "valid_from_date", "known_from_date"),
    nullable=frozenset({"workspace_id_source", "parent_account_id"}),
)
PEOPLE = Contract(
    stage="identity",
    name="people",
    grain="one identifier and period in which it belongs to one person",
    description="Identifier to person, in event time and knowledge time.",
    columns=columns(
        "identifier_key identifier_kind person_key evidence valid_from_date valid_to_date known_from_date known_to_date"
    ),
    key=("identifier_key", "identifier_kind", "valid_from_date", "known_from_date"),
)
MEMBERSHIPS = Contract(
    stage="identity",
    name="memberships",
    grain="one person, account, role and period",
    description="Who belonged to which account in which role, when.",
    columns=columns("person_key account_id role evidence valid_from_date valid_to_date known_from_date known_to_date"),
    key=("person_key", "account_id", "valid_from_date", "known_from_date"),
    nullable=frozenset({"role"}),
)
MERGE_LOG = Contract(
    stage="identity",
    name="merge_log",
    grain="one joining of two identifiers into one person",
    description="Why identifiers share a person; what to retract to undo it.",
    columns=columns("person_key identifier_key identifier_kind linked_actor_key evidence occurred_at known_at"),
    key=("person_key", "identifier_kind", "identifier_key", "linked_actor_key"),
)

CONTRACTS_IDENTITY: tuple[Contract, ...] = (HIERARCHY, PEOPLE, MEMBERSHIPS, MERGE_LOG)
