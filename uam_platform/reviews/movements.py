"""What moves and what repeats, for the weekly pack: durable value, depth lost in silence, issues, patterns before an outcome.

Here: pure selection into display-ready rows, money in cents. Not here: lists of one table (`sections`), the pack as a whole (`pack`).
"""

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from uam_platform.contracts.vocabulary import VOCABULARY
from uam_platform.reviews.facts import Facts
from uam_platform.reviews.sections import Row, account_name, owner_name, text, words

VALUE_DIRECTIONS: Final = VOCABULARY["value_direction"].allowed


def value_sides(facts: Facts) -> list[Row]:
    """Accounts and dollars by the direction in which durable value moves, beside those of the snapshot before."""
    weeks = facts.value_weeks.assign(day=facts.value_weeks["as_of"].astype(str).str[:10])
    then = weeks[weeks["day"] == facts.since.isoformat()].set_index("value_direction")
    rows = []
    for row in weeks[weeks["day"] == facts.as_of.isoformat()].to_dict("records"):
        direction = str(row["value_direction"])
        rows.append(
            {
                "direction": direction,
                "accounts": int(row["direction_account_count"]),
                "arr": int(row["arr_usd_cents"]),
                "weighted": int(row["revenue_weight_usd_cents"]),
                "accounts_before": int(then["direction_account_count"].get(direction, 0)),
                "arr_before": int(then["arr_usd_cents"].get(direction, 0)),
            }
        )
    return sorted(rows, key=lambda row: VALUE_DIRECTIONS.index(row["direction"]))


def value_movers(facts: Facts, count: int) -> list[Row]:
    """Accounts whose durable value strengthens or weakens, most weighted dollars first, each with the row it stands on."""
    before = facts.value_before.set_index("account_id")["value_direction"].to_dict()
    moving = facts.value_changes[facts.value_changes["value_direction"].isin(("strengthening", "weakening"))]
    ordered = moving.sort_values(["revenue_weight_usd_cents", "account_id"], ascending=[False, True]).head(count)
    return [
        {
            "account": account_name(facts, str(r["account_id"])),
            "owner": owner_name(facts, str(r["account_id"])) or "nobody",
            "direction": str(r["value_direction"]),
            "since": "new" if before.get(r["account_id"]) != r["value_direction"] else "as before",
            "why": text(r["reading"]) or "",
            "by": f"{r['value_change']:+.1f}",
            "arr": int(r["arr_usd_cents"]),
            "weighted": int(r["revenue_weight_usd_cents"]),
            "row": f"kpis/value_changes: account_id={r['account_id']}, as_of={facts.as_of}",
        }
        for r in ordered.to_dict("records")
    ]


def silent_losers(facts: Facts, count: int) -> list[Row]:
    """Accounts that lose depth and have not complained, most weighted dollars first; whether an alert is open on them."""
    alerted = {alert.account_id for alert in facts.alerts if alert.state == "open"}
    before = facts.value_before.set_index("account_id")["is_losing_depth"].to_dict()
    losing = facts.value_changes[facts.value_changes["is_losing_depth"].eq(True)]
    ordered = losing.sort_values(["revenue_weight_usd_cents", "account_id"], ascending=[False, True]).head(count)
    return [
        {
            "account": account_name(facts, str(r["account_id"])),
            "owner": owner_name(facts, str(r["account_id"])) or "nobody",
            "since": "as before" if before.get(r["account_id"]) is True else "new",
            "why": text(r["depth_reading"]) or "",
            "by": f"{r['depth_change']:+.1f}",
            "alert": "open" if r["account_id"] in alerted else "none",
            "arr": int(r["arr_usd_cents"]),
            "weighted": int(r["revenue_weight_usd_cents"]),
            "row": f"kpis/value_changes: account_id={r['account_id']}, as_of={facts.as_of}",
        }
        for r in ordered.to_dict("records")
    ]


def issues(facts: Facts, count: int) -> list[Row]:
    """Issues with frequency, sequence and change; what rises or is new first, then by accounts."""
    order = {"rising": 0, "new": 1, "level": 2, "falling": 3}
    rows = facts.issues.assign(place=facts.issues["trend"].map(order))
    by = ["place", "failing_account_28d_count", "issue"]
    return [
        {
            "issue": words(str(r["issue"])),
            "accounts": int(r["failing_account_28d_count"]),
            "accounts_before": int(r["failing_account_prior_28d_count"]),
            "people": int(r["failing_person_28d_count"]),
            "times": int(r["failure_28d_count"]),
            "before": int(r["failure_prior_28d_count"]),
            "trend": str(r["trend"]),
            "sequence": _sequence(r),
            "arr": int(r["arr_usd_cents"]),
        }
        for r in rows.sort_values(by, ascending=[True, False, True]).head(count).to_dict("records")
    ]


def _sequence(row: Mapping[Any, Any]) -> str:
    """What comes before and after, in words."""
    parts = []
    if text(row["previous_event_name"]):
        parts.append(f"after {words(row['previous_event_name'])} ({100 * row['previous_share_ratio']:.0f} %)")
    if text(row["next_event_name"]):
        parts.append(f"then {words(row['next_event_name'])} ({100 * row['next_share_ratio']:.0f} %)")
    parts.append(f"tried again {100 * row['retried_ratio']:.0f} %")
    parts.append(f"given up for the session {100 * row['ended_session_ratio']:.0f} %")
    parts.append(f"ticket {100 * row['ticket_ratio']:.0f} %")
    return ", ".join(parts)


def patterns(facts: Facts, count: int) -> list[Row]:
    """Patterns before an outcome: those found again in later outcomes first, then the least likely by chance."""
    rows = facts.patterns.assign(is_new=~facts.patterns["is_replicated"].astype(bool))
    ordered = rows.sort_values(["is_new", "pattern_chance_ratio", "outcome", "pattern"]).head(count)
    return [
        {
            "outcome": str(r["outcome"]),
            "pattern": words(str(r["pattern"])),
            "shown": f"{int(r['showing_case_count'])} of {int(r['case_count'])}",
            "others": f"{int(r['showing_control_count'])} of {int(r['control_count'])}",
            "lift": f"{r['pattern_lift_ratio']:.1f} ({r['pattern_lift_low_ratio']:.1f}–{r['pattern_lift_high_ratio']:.1f})",
            "again": _again(r),
            "accounts": int(r["exposed_account_count"]),
            "arr": int(r["exposed_arr_usd_cents"]),
        }
        for r in ordered.to_dict("records")
    ]


def _again(row: Mapping[Any, Any]) -> str:
    if row["is_replicated"]:
        return f"yes, {row['later_lift_ratio']:.1f} times"
    return "no" if pd.isna(row["later_lift_ratio"]) else f"not beyond chance, {row['later_lift_ratio']:.1f} times"
