"""Contract of the signals that other tools send.

Here: the one table of them. Not here: what a column means (`vocabulary_exchange`, `vocabulary`), the envelope (`exchange`).
"""

from uam_platform.contracts.model import Contract
from uam_platform.contracts.vocabulary import columns

EXTERNAL_SIGNALS = Contract(
    stage="staging",
    name="external_signals",
    grain="one signal of one sender",
    description="Signals of other tools about accounts (R40), each counted once by sender and id. Context for people and for whoever "
    "explains an account; no score and no detector reads them. actor_key and email_key lead to the person in the identity stage, "
    "0 where the sender named none.",
    columns=columns(
        "source signal_id sender signal_name account_id attached_by actor_key email_key signal_value signal_confidence_ratio signal_text "
        "signal_url redaction_count occurred_at known_at known_date load_id row_no"
    ),
    key=("signal_id",),
    nullable=frozenset({"signal_value", "signal_confidence_ratio", "signal_text", "signal_url"}),
)

CONTRACTS_EXCHANGE: tuple[Contract, ...] = (EXTERNAL_SIGNALS,)
