"""The jobs, one per layer, named for what they do.

Here: selections. Not here: when they run (`uam_platform.orchestration.triggers` and the stages' sensors).
"""

import dagster as dg

INGEST = "ingest"
DAILY_TABLES = "daily_tables"
SNAPSHOTS = "snapshots"
DELIVER = "deliver_playbooks"

_WRITES_LAKE = {"uam/writes": "lake"}
_DAILY = dg.AssetSelection.assets("staging/events", "behavior/sessions", "behavior/actor_days")
_INGESTED = dg.AssetSelection.groups("connectors") | dg.AssetSelection.assets(
    "staging/deliveries",
    "staging/tickets",
    "staging/ticket_events",
    "staging/accounts",
    "staging/subscriptions",
    "staging/opportunities",
    "staging/users_directory",
    "staging/silences",
    "staging/verdicts",
    "staging/satisfaction_ratings",
    "staging/accepted_thresholds",
    "staging/identity_retractions",
)
_DELIVERED = dg.AssetSelection.assets("playbooks/delivered_actions")

JOBS = [
    dg.define_asset_job(
        INGEST,
        selection=_INGESTED,
        tags=_WRITES_LAKE,
        description="Fetch what is new from every connected source and split it by day.",
    ),
    dg.define_asset_job(
        DAILY_TABLES,
        selection=_DAILY,
        tags=_WRITES_LAKE,
        description="Recompute events, sessions and daily activity of the days that loads touched.",
    ),
    dg.define_asset_job(
        SNAPSHOTS,
        selection=dg.AssetSelection.all() - _INGESTED - _DAILY - _DELIVERED,
        tags=_WRITES_LAKE,
        description="Identity, features, churn scores, revenue at risk, alerts and the review pack of the snapshots that are missing.",
    ),
    dg.define_asset_job(
        DELIVER,
        selection=_DELIVERED,
        tags={"uam/writes": "destinations"},
        description="Deliver what the outbox holds: messages, tasks and issues for open alerts, the digest of the week.",
    ),
]
