"""The worlds in which skill must vanish, fall or stay, and what is kept of each.

Here: which knobs each world turns, and the small tables that outlive its lake. Not here: making worlds (`suite`), judging (`nulls`).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from uam_platform.contracts.tables import ACCOUNT_FEATURES, CANDIDATES, LABELS
from uam_platform.evaluation.alert_matching import openings
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.suite import Plan
from uam_platform.evaluation.suite_code import commit_hash, measured_hash
from uam_platform.evaluation.suite_phase import WorldSpec
from uam_platform.evaluation.truth import Truth

PLAIN: Final = "plain"
BLIND: Final = "signal-0"
WEAK: Final = "signal-0.7"
STRONG: Final = "signal-1.4"
HARMLESS: Final = "harm-0"
ACAUSAL: Final = "acausal-2"
SWAPPED: Final = "look-alike-swapped"
WITHOUT: Final = "without-a-cause"
UNSEEN_CAUSE: Final = "support_incident"
_CLEAN_BEFORE: Final = np.timedelta64(84, "D")


def null_plan(accounts: int, days: int, seed: int, difficulty: str) -> Plan:
    """All worlds of one seed: equal accounts, contracts and noise, one thing changed in each."""
    from uam_platform.simulation.world.difficulty import difficulty_named
    from uam_platform.simulation.world.drivers import CAUSES, LOOKALIKES

    usual = difficulty_named(difficulty)
    reserve = tuple(each.name for each in LOOKALIKES if each.is_reserve)
    knobs: dict[str, dict[str, Any]] = {
        PLAIN: {},
        BLIND: {"signal_gain": 0.0},
        WEAK: {"signal_gain": 0.7 * usual.signal_gain},
        STRONG: {"signal_gain": 1.4 * usual.signal_gain},
        HARMLESS: {"harm_per_year": 0.0},
        ACAUSAL: {"acausal_per_year": 2 * usual.acausal_per_year},
        SWAPPED: {"lookalikes": [*usual.lookalikes[len(reserve) :], *reserve]},
        WITHOUT: {"causes": [each.name for each in CAUSES if each.name != UNSEEN_CAUSE]},
    }
    specs = tuple(
        WorldSpec(accounts, days, seed, difficulty, turned, name, keeps_tables=True) for name, turned in knobs.items()
    )
    code = measured_hash()
    return Plan(specs, code, commit_hash(), f"nulls-{difficulty}-{accounts}x{days}-{seed}-{code[:10]}")


@dataclass(frozen=True)
class Kept:
    """What is left of a world beside its scoreboard.

    Attributes:
        features: account_features.
        labels: labels.
        alerts: opened alerts.
        account_weeks: eligible account-snapshots.
        clean_alerts: alerts on accounts without any episode, harmful or not, in the 84 days before.
        clean_account_weeks: such account-snapshots.
    """

    features: pd.DataFrame
    labels: pd.DataFrame
    alerts: int
    account_weeks: int
    clean_alerts: int
    clean_account_weeks: int


def keep(work: Path, board: Path) -> None:
    """Write the small tables of a finished run beside its board."""
    run = RunFolder(work / "run")
    try:
        features, labels = run.frame(ACCOUNT_FEATURES), run.frame(LABELS)
        alerts = openings(run.frame(CANDIDATES, ("as_of", "fingerprint", "detector", "account_id", "decision")))
    finally:
        run.close()
    opened = pd.DataFrame(
        {"account_id": [a.account_id for a in alerts], "as_of": pd.to_datetime([a.as_of for a in alerts])}
    )
    weeks = features.loc[features["is_eligible"].astype(bool), ["account_id", "as_of"]]
    episodes = Truth(work / "world").frame("episodes")
    counts = {
        "alerts": len(opened),
        "account_weeks": len(weeks),
        "clean_alerts": int(is_clean(opened, episodes).sum()),
        "clean_account_weeks": int(is_clean(weeks, episodes).sum()),
    }
    features.to_parquet(_beside(board, "features.parquet"))
    labels.to_parquet(_beside(board, "labels.parquet"))
    _beside(board, "alerts.json").write_text(json.dumps(counts), encoding="utf-8")


def read_kept(board: Path) -> Kept:
    """What `keep` wrote beside a board."""
    counts = json.loads(_beside(board, "alerts.json").read_text(encoding="utf-8"))
    features, labels = (pd.read_parquet(_beside(board, f"{name}.parquet")) for name in ("features", "labels"))
    return Kept(features, labels, **counts)


def is_clean(rows: pd.DataFrame, episodes: pd.DataFrame) -> pd.Series:
    """Whether no episode of any kind touched the account in the 84 days up to `as_of`, per row of account_id and as_of."""
    keyed = rows.reset_index(drop=True)[["account_id", "as_of"]]
    keyed = keyed.assign(row=np.arange(len(keyed)), at=pd.to_datetime(keyed["as_of"]).astype("datetime64[us]"))
    spans = episodes[["account_id", "onset_at", "end_at"]].astype({"account_id": object})
    joined = keyed.astype({"account_id": object}).merge(spans, on="account_id", how="inner")
    touches = joined[(joined["onset_at"] <= joined["at"]) & (joined["end_at"] >= joined["at"] - _CLEAN_BEFORE)]
    return pd.Series(~np.isin(keyed["row"].to_numpy(), touches["row"].to_numpy()), index=rows.index, dtype=bool)


def _beside(board: Path, name: str) -> Path:
    return board.with_name(f"{board.stem}.{name}")
