"""Lists of the pack that stand on one table each: failures, growth, renewals, themes.

Here: pure selection into display-ready rows, money in cents. Not here: what moves and repeats (`movements`), risks, alerts and the
pack as a whole (`pack`).
"""

from datetime import timedelta
from typing import Any, Final

from uam_platform.policy.reviews import ReviewPolicy
from uam_platform.reviews.facts import Facts

Row = dict[str, Any]
REASONS: Final = 3
"""Reasons shown for one account."""


def journeys(facts: Facts, kinds: tuple[str, ...], count: int) -> list[Row]:
    """Failures or stalls by subject, broadest first."""
    own = facts.journeys[facts.journeys["journey_kind"].isin(kinds)]
    arr = facts.revenue.set_index("account_id")["arr_usd_cents"].to_dict()
    rows: list[Row] = []
    for (kind, subject), group in own.groupby(["journey_kind", "journey_subject"], dropna=False, sort=True):
        accounts = sorted(group["account_id"].dropna().astype(str).unique())
        rows.append(
            {
                "kind": words(str(kind)),
                "subject": words(text(subject) or "–"),
                "accounts": len(accounts),
                "people": int(group["person_count"].sum()),
                "times": int(group["occurrence_count"].sum()),
                "arr": int(sum(arr.get(a, 0) for a in accounts)),
                "names": ", ".join(account_name(facts, a) for a in sorted(accounts, key=lambda a: -arr.get(a, 0))[:3]),
            }
        )
    return sorted(rows, key=lambda r: (-r["accounts"], -r["arr"], r["subject"]))[:count]


def expansion(facts: Facts, count: int) -> list[Row]:
    """Accounts with signs of growth, strongest first, with the lines that speak for it."""
    known = facts.scores[facts.scores["expansion_score"].fillna(0) > 0]
    top = known.nlargest(count, "expansion_score").merge(facts.revenue, on="account_id", validate="1:1")
    sheet = facts.worksheets[facts.worksheets["score_name"] == "expansion"]
    rows = []
    for row in top.to_dict("records"):
        own = sheet[(sheet["account_id"] == row["account_id"]) & (sheet["points_hundredths"] > 0)]
        best = own.nlargest(REASONS, "points_hundredths")["reading"].astype(str)
        rows.append({**account_cells(row), "score": float(row["expansion_score"]), "why": "; ".join(best)})
    return rows


def renewals(facts: Facts, policy: ReviewPolicy) -> list[Row]:
    """Renewals within the policy's window, most revenue at risk first."""
    days = facts.revenue["days_to_renewal"]
    ahead = facts.revenue[(days >= 0) & (days <= policy.renewal_days)]
    ordered = ahead.sort_values(["revenue_at_risk_usd_cents", "account_id"], ascending=[False, True])
    return [
        {
            **account_cells(row),
            "on": (facts.as_of + timedelta(days=int(row["days_to_renewal"]))).isoformat(),
            "at_risk": int(row["revenue_at_risk_usd_cents"]),
            "probability": float(row["churn_probability"]),
            "baseline": float(row["baseline_probability"]),
        }
        for row in ordered.to_dict("records")
    ]


def themes(facts: Facts, count: int) -> list[Row]:
    """Topics of the last week, broadest first, each with a quote."""
    ordered = facts.themes.sort_values(["mentioning_account_count", "topic"], ascending=[False, True]).head(count)
    return [
        {
            "topic": words(str(r["topic"])),
            "accounts": int(r["mentioning_account_count"]),
            "mentions": int(r["mention_count"]),
            "before": int(r["previous_mention_count"]),
            "calls": int(r["call_account_count"]),
            "arr": int(r["mentioning_arr_usd_cents"]),
            "breadth": words(str(r["breadth"])),
            "quote": text(r["quote"]) or "",
        }
        for r in ordered.to_dict("records")
    ]


def cohort_voices(facts: Facts, policy: ReviewPolicy) -> list[Row]:
    """What members of a cohort speak of more than others do, the least likely by chance first."""
    rows = facts.cohort_themes
    telling = rows[(rows["chance_ratio"] <= policy.cohort_chance) & (rows["member_lift_ratio"] > 1)]
    ordered = telling.sort_values(["chance_ratio", "cohort", "topic"]).head(policy.top_count)
    return [
        {
            "cohort": f"{r['cohort']} {r['cohort_name']}",
            "topic": words(str(r["topic"])),
            "members": f"{int(r['mentioning_account_count'])} of {int(r['account_count'])}",
            "others": f"{100 * r['other_share_ratio']:.0f} %",
            "times": f"{r['member_lift_ratio']:.1f}",
            "chance": f"{100 * r['chance_ratio']:.1f} %",
            "quote": text(r["quote"]) or "",
        }
        for r in ordered.to_dict("records")
    ]


def account_cells(row: dict[Any, Any]) -> Row:
    """What every list shows of an account."""
    return {
        "account_id": str(row["account_id"]),
        "account": text(row["account_name"]) or str(row["account_id"]),
        "owner": text(row["owner_name"]) or text(row["owner_id"]) or "nobody",
        "arr": int(row["arr_usd_cents"]),
        "tier": text(row["tier"]) or "–",
    }


def account_name(facts: Facts, account_id: str) -> str:
    """Name of a scored account, else its id."""
    found = facts.revenue.loc[facts.revenue["account_id"] == account_id, "account_name"]
    return (text(found.iloc[0]) if len(found) else None) or account_id


def owner_name(facts: Facts, account_id: str) -> str | None:
    """Owner of a scored account."""
    found = facts.revenue.loc[facts.revenue["account_id"] == account_id, "owner_name"]
    return text(found.iloc[0]) if len(found) else None


def words(name: str) -> str:
    """A name in words."""
    return name.replace("_", " ")


def text(value: Any) -> str | None:
    """The value as text; None where a frame shows null."""
    return None if value is None or value != value else str(value)
