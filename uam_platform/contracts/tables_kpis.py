"""Contracts of scores that people can challenge: what they count, the scores, the worksheets behind them.

Here: the tables of health, friction, expansion and revenue weight, and the counts of named actions they read. Not here: dollars at
risk (`tables`), what a column means (`vocabulary_kpis`, `vocabulary`).
"""

from uam_platform.contracts.model import Contract
from uam_platform.contracts.vocabulary import columns

ACCOUNT_ACTIONS = Contract(
    stage="behavior",
    name="account_actions",
    grain="one account, snapshot and group of actions that it took in the 84 days before",
    description="How often accounts took the named actions that the scores read: invitations, limits, advanced workflows. "
    "Point in time; groups without an action have no row.",
    columns=columns(
        "account_id as_of action_group action_28d_count action_prior_28d_count action_84d_count acting_person_84d_count"
    ),
    key=("account_id", "as_of", "action_group"),
    partition="as_of",
)
ACCOUNT_SCORES = Contract(
    stage="kpis",
    name="account_scores",
    grain="one account with a contract or a churn score, and snapshot",
    description="Behaviour, friction, health and expansion from 0 to 100 and the revenue weight, by the rulebook's formulas.",
    columns=columns(
        "account_id as_of behaviour_score friction_score health_score expansion_score expansion_rank revenue_weight_ratio "
        "revenue_weight_usd_cents policy_version"
    ),
    key=("account_id", "as_of"),
    nullable=frozenset({"behaviour_score", "friction_score", "health_score", "expansion_score", "expansion_rank"}),
    partition="as_of",
)
WORKSHEETS = Contract(
    stage="kpis",
    name="worksheets",
    grain="one line of one score of one account and snapshot",
    description="How each score came about, line by line; kept for the latest snapshots, computed anew for any other.",
    columns=columns(
        "account_id as_of score_name line_no line_state input_name input_value input_text points_hundredths "
        "possible_hundredths line_usd_cents reading alternative_reading"
    ),
    key=("account_id", "as_of", "score_name", "line_no"),
    nullable=frozenset({"input_value", "input_text", "line_usd_cents", "alternative_reading"}),
    partition="as_of",
)

VALUE_CHANGES = Contract(
    stage="kpis",
    name="value_changes",
    grain="one eligible account and snapshot",
    description="Whether the behaviours that carry durable value strengthen, weaken or hold at an account, by the rulebook's measure, "
    "with the dollars that stand on it (R130), and whether depth is lost although nobody has complained (R6).",
    columns=columns(
        "account_id as_of value_direction value_change reading depth_change depth_reading is_losing_depth arr_usd_cents "
        "revenue_weight_usd_cents"
    ),
    key=("account_id", "as_of"),
    nullable=frozenset({"value_change", "reading", "depth_change", "depth_reading"}),
    partition="as_of",
    version=2,
)
VALUE_WEEKS = Contract(
    stage="kpis",
    name="value_weeks",
    grain="one direction and snapshot",
    description="How many accounts strengthen, weaken or hold, and the dollars on either side, as of each snapshot (R130).",
    columns=columns("as_of value_direction direction_account_count arr_usd_cents revenue_weight_usd_cents"),
    key=("as_of", "value_direction"),
    partition="as_of",
)

CONTRACTS_KPIS: tuple[Contract, ...] = (ACCOUNT_ACTIONS, ACCOUNT_SCORES, WORKSHEETS, VALUE_CHANGES, VALUE_WEEKS)
