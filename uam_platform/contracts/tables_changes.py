"""Contracts of what the company itself changed or announced: releases, flag exposures, announcements.

Here: the canonical tables of staging that say what was switched on where, and what was to be expected. Not here: flags as events
carry them (`tables_alerts`), what a column means (`vocabulary_changes`, `vocabulary`).
"""

from uam_platform.contracts.model import Contract, Ordered
from uam_platform.contracts.vocabulary import columns

RELEASES = Contract(
    stage="staging",
    name="releases",
    grain="one release of the product",
    description="What went out when, and behind which flag (R42, R48). A snapshot sees rows with known_at < decision_at.",
    columns=columns(
        "source release_id release_version title release_kind component notes flag_key released_at known_at known_date "
        "load_id row_no"
    ),
    key=("source", "release_id"),
    nullable=frozenset({"component", "notes", "flag_key"}),
)
FLAG_EXPOSURES = Contract(
    stage="staging",
    name="flag_exposures",
    grain="one flag variant and whom it reached, since when",
    description="Who saw which flag since when (R48): an account, a workspace or a user. flag_kind staged_rollout and automated_work say "
    "what "
    "was done to the account on purpose. The first exposed_at of an account counts; rows are known at known_at.",
    columns=columns(
        "source exposure_id flag_key flag_kind variant account_id workspace_id_source workspace_key actor_key exposed_at "
        "known_at known_date load_id row_no"
    ),
    key=("source", "exposure_id"),
    nullable=frozenset({"account_id", "workspace_id_source"}),
)
ANNOUNCEMENTS = Contract(
    stage="staging",
    name="announcements",
    grain="one thing that was announced for an account, an industry, a region or everybody",
    description="What was to be expected (R162, R163): a rollout to account X on day D, automation switched on, a company shutdown, a "
    "public holiday, a quiet season. account_id null: for all accounts of the industry and of the region by utc_offset_minutes, each null "
    "meaning all. Holds from starts_at until ends_at (null: nobody said, so a reader needs a horizon of its own); a snapshot sees "
    "rows with known_at < decision_at. Announced changes explain trouble, they never prove that there is none.",
    columns=columns(
        "source announcement_id announced_kind title account_id industry utc_offset_minutes flag_key starts_at ends_at "
        "known_at known_date load_id row_no"
    ),
    key=("source", "announcement_id"),
    nullable=frozenset({"account_id", "industry", "utc_offset_minutes", "flag_key", "ends_at"}),
    rules=(Ordered("starts_at", "ends_at"),),
)

CONTRACTS_CHANGES: tuple[Contract, ...] = (RELEASES, FLAG_EXPOSURES, ANNOUNCEMENTS)
