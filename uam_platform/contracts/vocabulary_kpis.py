"""The vocabulary's words on scores and their worksheets.

Here: columns of the tables in `tables_kpis`. Not here: words that tables of several rooms share (`vocabulary`, which also
joins these to the whole), the formulas (`rulebook/kpis.yaml`).
"""

from uam_platform.contracts.model import Column, Purpose, Type

_WEB = Purpose.PRODUCT_DECISIONS
_AUDIT = Purpose.COMPLIANCE
_SCORES = (
    ("behaviour_score", "Does the team complete value-bearing work, deeply, regularly and together?"),
    ("friction_score", "How much gets in the way; 100 is worst."),
    ("health_score", "Declared combination of behaviour and freedom from friction."),
    ("expansion_score", "Signs that the account grows into more seats or a larger plan; a rank, not a probability."),
)

KPI_COLUMNS: tuple[Column, ...] = (
    Column("action_group", Type.STRING, "Group of actions that the rulebook counts together.", purpose=_WEB),
    Column("action_28d_count", Type.INT64, "Actions of the group in the 28 days before as_of.", "events", minimum=0),
    Column("action_prior_28d_count", Type.INT64, "Actions in the 28 days before those.", "events", minimum=0),
    Column("action_84d_count", Type.INT64, "Actions in the 84 days before as_of.", "events", minimum=0),
    Column("acting_person_84d_count", Type.INT64, "Distinct people who did one in those 84 days.", "people", minimum=0),
    *(
        Column(name, Type.FLOAT64, f"{meaning} Null where too little is known.", "points", minimum=0, maximum=100)
        for name, meaning in _SCORES
    ),
    Column("expansion_rank", Type.INT32, "Rank by expansion_score within the snapshot, 1 is highest.", minimum=1),
    Column("revenue_weight_ratio", Type.FLOAT64, "How much a dollar of this account's ARR counts.", "ratio", minimum=0),
    Column("revenue_weight_usd_cents", Type.INT64, "revenue_weight_ratio x ARR.", "USD cents", minimum=0),
    Column("policy_version", Type.INT32, "Version of the formulas in the rulebook.", purpose=_AUDIT, minimum=1),
    Column(
        "score_name",
        Type.STRING,
        "Score the line belongs to.",
        allowed=("behaviour", "friction", "health", "expansion", "revenue_weight"),
    ),
    Column("line_no", Type.INT16, "Position of the line in the formula, from 1.", minimum=1),
    Column(
        "line_state",
        Type.STRING,
        "counted; missing: not known, left out and the others stand for the whole; context: shown, never counted.",
        allowed=("counted", "missing", "context"),
    ),
    Column("input_name", Type.STRING, "Input the line reads."),
    Column("input_value", Type.FLOAT64, "Its value; null if missing or a word."),
    Column("input_text", Type.STRING, "Its value in words; null if it is a number."),
    Column(
        "points_hundredths",
        Type.INT64,
        "What the line adds, in hundredths of a point (of the weight: hundredths of 1.0); the lines sum to the score exactly.",
        "1/100 point",
    ),
    Column(
        "possible_hundredths",
        Type.INT64,
        "The most the line could add, where others are missing scaled up.",
        "1/100 point",
        minimum=0,
    ),
    Column("line_usd_cents", Type.INT64, "What the line adds to the weighted revenue; null for scores.", "USD cents"),
    Column("reading", Type.STRING, "What the line says, in plain words."),
    Column(
        "value_direction",
        Type.STRING,
        "Where behaviours of durable value move, beyond noise and beyond the peers; unknown where too little is there to compare.",
        allowed=("strengthening", "holding", "weakening", "unknown"),
    ),
    Column(
        "depth_change",
        Type.FLOAT64,
        "Weighted mean surprise of depth: what comes of a visit and a person, features kept; null where unknown.",
        "standard deviations",
    ),
    Column("depth_reading", Type.STRING, "The numbers of the part of depth that leads it; null where unknown."),
    Column(
        "is_losing_depth", Type.BOOL, "Depth falls beyond noise and peers while people come and no ticket speaks of it."
    ),
    Column("direction_account_count", Type.INT64, "Eligible accounts of the direction.", "accounts", minimum=0),
    Column(
        "value_change",
        Type.FLOAT64,
        "Weighted mean surprise of these behaviours, positive where they strengthen; null where unknown.",
        "standard deviations",
    ),
    Column("alternative_reading", Type.STRING, "What else the same number may mean (R29)."),
)
