"""The vocabulary's words on models that are compared and on what changed in a score.

Here: columns of `tables_churn` that no other room uses. Not here: words that tables of several rooms share (`vocabulary`, which also
joins these to the whole).
"""

from uam_platform.contracts.model import Column, Purpose, Type

CHURN_COLUMNS: tuple[Column, ...] = (
    Column(
        "is_promoted",
        Type.BOOL,
        "The training serves; false: it was worse than the model that serves; null: trained before models were compared.",
        purpose=Purpose.COMPLIANCE,
    ),
    Column(
        "champion_as_of",
        Type.DATE,
        "Training day of the model it was compared with.",
        "UTC day",
        purpose=Purpose.COMPLIANCE,
    ),
    Column(
        "champion_loss",
        Type.FLOAT64,
        "Mean log loss of that model on the latest closed outcomes.",
        purpose=Purpose.COMPLIANCE,
    ),
    Column(
        "challenger_loss", Type.FLOAT64, "Mean log loss of the new model on the same rows.", purpose=Purpose.COMPLIANCE
    ),
    Column(
        "loss_difference_low",
        Type.FLOAT64,
        "New minus old log loss: lower end of the interval.",
        purpose=Purpose.COMPLIANCE,
    ),
    Column(
        "loss_difference_high",
        Type.FLOAT64,
        "New minus old log loss: upper end of the interval.",
        purpose=Purpose.COMPLIANCE,
    ),
    Column(
        "judged_churned_account_count",
        Type.INT64,
        "Distinct accounts that left in the weeks both were judged on.",
        "accounts",
        purpose=Purpose.COMPLIANCE,
        minimum=0,
    ),
    Column("previous_as_of", Type.DATE, "Snapshot compared with: a week before, at most thirteen days.", "UTC day"),
    Column("previous_churn_probability", Type.FLOAT64, "Score in that snapshot.", minimum=0),
    Column("is_same_model", Type.BOOL, "The same model scored both snapshots; if not, a change may be the model's."),
    Column("new_reason_count", Type.INT64, "Reasons that were not told then.", minimum=0),
    Column("gone_reason_count", Type.INT64, "Reasons that are not told any more.", minimum=0),
    Column("change_text", Type.STRING, "What changed, in plain words."),
)
