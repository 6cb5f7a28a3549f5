"""The vocabulary's words on audits of alerts and on thresholds that people accepted.

Here: columns of the tables in `tables_reviews`. Not here: words that tables of several rooms share (`vocabulary`, which also joins
these to the whole).
"""

from uam_platform.contracts.model import Column, Purpose, Type

_AUDIT = Purpose.COMPLIANCE

REVIEW_COLUMNS: tuple[Column, ...] = (
    Column("sample_id", Type.STRING, "Account drawn for an audit: month and account, hashed.", purpose=_AUDIT),
    Column("audit_month_date", Type.DATE, "First day of the month an audit looks at.", "UTC day", purpose=_AUDIT),
    Column(
        "stratum",
        Type.STRING,
        "What the alerts did about an account in that month.",
        purpose=_AUDIT,
        allowed=("told", "told_before", "held_back", "quiet"),
    ),
    Column("stratum_account_count", Type.INT64, "Accounts of the stratum and reason.", "accounts", minimum=1),
    Column("stratum_sampled_count", Type.INT64, "Accounts drawn from them.", "accounts", minimum=1),
    Column(
        "is_treated",
        Type.BOOL,
        "An alert on the account was sent in the month or the weeks before: what became of it says nothing on a miss.",
        purpose=_AUDIT,
    ),
    Column("threshold_id", Type.STRING, "Accepted threshold: when, and its number in the ledger.", purpose=_AUDIT),
    Column("threshold_column", Type.STRING, "What a detector's threshold compares.", purpose=_AUDIT),
    Column("threshold_value", Type.FLOAT64, "Limit that holds from known_at on.", purpose=_AUDIT),
)
