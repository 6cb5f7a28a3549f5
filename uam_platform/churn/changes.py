"""What changed in a score and its reasons since the week before, in words with numbers.

Here: each scored account and snapshot beside the snapshot a week before. Not here: scores (`score`), reasons (`reasons`).

The snapshot compared with is the latest at least seven days before and at most thirteen: the same weekday where snapshots are daily, the
last Monday where they are weekly. Reasons are the same if they stand on inputs of one theme; one grew or shrank if its contribution moved
by at least the rulebook's minimum. Where another model scored the week before, the words say so: a change then may be the model's.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

import pandas as pd

from uam_platform.churn.days import as_days
from uam_platform.contracts.tables import SCORE_CHANGES
from uam_platform.policy.churn import ChurnPolicy

LEAST_DAYS: Final = 7
MOST_DAYS: Final = 13

Row = Mapping[Any, Any]
Told = dict[str, Row]


def compared_with(as_of: date, snapshots: Sequence[date]) -> date | None:
    """The snapshot a week before `as_of`, None where there is none."""
    low, high = as_of - timedelta(days=MOST_DAYS), as_of - timedelta(days=LEAST_DAYS)
    return max((day for day in snapshots if low <= day <= high), default=None)


def score_changes(
    scores: pd.DataFrame, reasons: pd.DataFrame, as_of: Sequence[date], policy: ChurnPolicy
) -> pd.DataFrame:
    """Rows of the score_changes contract, for accounts that were scored in both snapshots.

    Args:
        scores: SCORES rows of the snapshots and of those before them.
        reasons: SCORE_REASONS rows of the same.
        as_of: the snapshots that are told.
        policy: themes, and the least change of a contribution that counts.
    """
    rated = scores.assign(day=as_days(scores["as_of"]).dt.date)
    said = reasons.assign(day=as_days(reasons["as_of"]).dt.date, theme=_themes(reasons, policy))
    days = sorted(rated["day"].unique())
    parts = []
    for day in sorted(set(as_of)):
        before = compared_with(day, days)
        if before is not None:
            parts.append(_between(rated, said, before, day, policy))
    columns = list(SCORE_CHANGES.column_names)
    if not parts:
        return pd.DataFrame(columns=columns)
    found = pd.concat(parts, ignore_index=True)
    return found[columns].sort_values(list(SCORE_CHANGES.key), ignore_index=True)


def _themes(reasons: pd.DataFrame, policy: ChurnPolicy) -> pd.Series:
    themes = {name: rule.theme for name, rule in policy.features.items()}
    return reasons["reason_feature"].map(themes).fillna(reasons["reason_feature"])


def _between(rated: pd.DataFrame, said: pd.DataFrame, before: date, day: date, policy: ChurnPolicy) -> pd.DataFrame:
    columns = ["account_id", "churn_probability", "model_id"]
    now, then = (rated.loc[rated["day"] == d, columns] for d in (day, before))
    both = now.merge(then, on="account_id", suffixes=("", "_before"), validate="1:1")
    reasons_now, reasons_then = (_by_account(said, d) for d in (day, before))
    told = [
        _moved(reasons_now.get(a, {}), reasons_then.get(a, {}), policy.reasons.minimum_log_odds)
        for a in both["account_id"]
    ]
    is_same = both["model_id"] == both["model_id_before"]
    probabilities = zip(both["churn_probability_before"], both["churn_probability"], is_same, told, strict=True)
    return both[["account_id"]].assign(
        as_of=day,
        previous_as_of=before,
        previous_churn_probability=both["churn_probability_before"],
        churn_probability=both["churn_probability"],
        is_same_model=is_same,
        new_reason_count=[len(moves["new"]) for moves in told],
        gone_reason_count=[len(moves["gone"]) for moves in told],
        change_text=[_text(before, was, is_now, same, moves) for was, is_now, same, moves in probabilities],
    )


def _by_account(said: pd.DataFrame, day: date) -> dict[str, Told]:
    """Reasons that raise the risk: per account by theme, the strongest of a theme first."""
    found: dict[str, Told] = {}
    mine = said.loc[(said["day"] == day) & (said["contribution"] > 0)].sort_values(["account_id", "reason_rank"])
    for row in mine.to_dict("records"):
        found.setdefault(str(row["account_id"]), {}).setdefault(str(row["theme"]), row)
    return found


def _moved(now: Told, then: Told, least: float) -> dict[str, list[str]]:
    """Reasons by what became of them, in words."""
    moves: dict[str, list[str]] = {"new": [], "stronger": [], "weaker": [], "gone": []}
    for theme, row in now.items():
        if theme not in then:
            moves["new"].append(str(row["reason_text"]))
            continue
        step = float(row["contribution"]) - float(then[theme]["contribution"])
        if abs(step) >= least:
            moves["stronger" if step > 0 else "weaker"].append(f"{_named(theme)} ({step:+.2f})")
    moves["gone"] = [_named(theme) for theme in then if theme not in now]
    return moves


def _named(theme: str) -> str:
    return theme.replace("_", " ")


def _text(before: date, was: float, now: float, is_same_model: bool, moves: Mapping[str, Sequence[str]]) -> str:
    step = "unchanged at" if f"{was:.3f}" == f"{now:.3f}" else f"from {100 * was:.1f} % to"
    parts = [f"since {before}: {step} {100 * now:.1f} %"]
    parts += [f"{what}: {', '.join(said)}" for what, said in moves.items() if said]
    if not any(moves.values()):
        parts.append("same reasons")
    if not is_same_model:
        parts.append("scored by a newer model")
    return "; ".join(parts)
