"""Contracts of churn: labels, the registry of models, scores, their reasons, what changed in them.

Here: the tables of the churn stage. Not here: what they are computed from (`tables`), what a column means (`vocabulary`,
`vocabulary_churn`).
"""

from uam_platform.contracts.model import Contract
from uam_platform.contracts.vocabulary import columns

LABELS = Contract(
    stage="churn",
    name="labels",
    grain="one eligible account and snapshot",
    description="Did the relationship end within the horizon after decision_at?",
    columns=columns("account_id as_of decision_at is_churned is_label_closed is_censored ended_at fold"),
    key=("account_id", "as_of"),
    nullable=frozenset("is_churned ended_at".split()),
)
MODELS = Contract(
    stage="churn",
    name="models",
    grain="one trained model, fold and the first snapshot it serves",
    description="Registry that pins the model of each snapshot; rerunning an old snapshot uses its own model. A training that was not "
    "promoted serves nothing.",
    columns=columns(
        "as_of fold model_id model_rung feature_contract_id calibration trained_label_to_at training_row_count "
        "training_churned_account_count behaviour_skill_ratio behaviour_null_ratio is_promoted champion_as_of champion_loss "
        "challenger_loss loss_difference_low loss_difference_high judged_churned_account_count"
    ),
    key=("as_of", "fold"),
    nullable=frozenset(
        (
            "trained_label_to_at behaviour_skill_ratio behaviour_null_ratio is_promoted champion_as_of champion_loss challenger_loss "
            "loss_difference_low loss_difference_high judged_churned_account_count"
        ).split()
    ),
)
SCORES = Contract(
    stage="churn",
    name="scores",
    grain="one eligible account and snapshot",
    description="Churn probability within the horizon, beside the contract baseline, by a model that never saw the account.",
    columns=columns(
        "account_id as_of decision_at churn_probability score_low score_high baseline_probability model_rung model_id fold "
        "snapshot_version"
    ),
    key=("account_id", "as_of"),
    partition="as_of",
)
SCORE_REASONS = Contract(
    stage="churn",
    name="score_reasons",
    grain="one reason of one score",
    description="What behaviour and contract add to a score, behaviour shared out among what explains it, strongest first, in words.",
    columns=columns("account_id as_of reason_rank reason_feature reason_value contribution reason_text"),
    key=("account_id", "as_of", "reason_rank"),
    nullable=frozenset("reason_value".split()),
    partition="as_of",
)
SCORE_CHANGES = Contract(
    stage="churn",
    name="score_changes",
    grain="one account that was scored in a snapshot and in that of the week before",
    description="What changed since the week before: the score, and the reasons that appeared, grew, shrank or went.",
    columns=columns(
        "account_id as_of previous_as_of previous_churn_probability churn_probability is_same_model new_reason_count "
        "gone_reason_count change_text"
    ),
    key=("account_id", "as_of"),
    partition="as_of",
)

CONTRACTS_CHURN: tuple[Contract, ...] = (LABELS, MODELS, SCORES, SCORE_REASONS, SCORE_CHANGES)
