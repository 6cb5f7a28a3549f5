"""The monthly audit of alerts as one HTML file: estimates, what waits for a verdict, decisions, carry-over, proposals.

Here: rows ready to show, and the template. Not here: the draw (`audit_sample`), the estimates (`audit`), the proposals
(`proposals`), reading (`audit_facts`).
"""

from datetime import date
from typing import Any, Final

import pandas as pd

from uam_platform.ledger.auditing import AuditVerdict
from uam_platform.reviews.audit import Estimate, precision, recall, strata
from uam_platform.reviews.audit_facts import AuditFacts
from uam_platform.reviews.audit_sample import TOLD
from uam_platform.reviews.sections import text, words

TITLE: Final = "Audit of alerts"
_MONTHS: Final = 3
"""Months whose verdicts are pooled: one alone draws too few quiet accounts."""

_QUESTIONS: Final = {
    "told": "was the alert right?",
    "told_before": "did the trouble go on?",
    "held_back": "should it have been told?",
    "quiet": "was something wrong that nobody was told?",
}
Row = dict[str, Any]


def render_audit(facts: AuditFacts) -> str:
    """The page; equal facts give equal pages."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("uam_platform.reviews"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("audit.html").render(title=TITLE, month=f"{facts.month:%Y-%m}", **shown(facts))


def shown(facts: AuditFacts) -> dict[str, Any]:
    """What the page shows, by name."""
    pooled = _pooled(facts.samples, facts.month)
    given = {sample: one.verdict for sample, one in facts.verdicts.items()}
    found = strata(pooled, given)
    own = facts.samples[facts.samples["audit_month_date"] == facts.month]
    waiting = own[~own["sample_id"].isin(facts.verdicts)]
    earlier = facts.samples[
        (facts.samples["audit_month_date"] < facts.month) & ~facts.samples["sample_id"].isin(facts.verdicts)
    ]
    return {
        "months": sorted({f"{month:%Y-%m}" for month in pooled["audit_month_date"]}),
        "estimates": [_estimate("Precision", precision(found)), _estimate("Recall", recall(found))],
        "strata": [vars(one) | {"name": words(one.name), "reason": words(one.reason) or "–"} for one in found],
        "waiting": [_sample(row, facts) for row in waiting.to_dict("records")],
        "carry_over": [_sample(row, facts) for row in pooled_only(earlier, facts.month).to_dict("records")],
        "decisions": [_decision(facts.verdicts[s], facts) for s in own["sample_id"] if s in facts.verdicts],
        "held_back": facts.held_back,
        "detectors": facts.judged,
        "proposals": facts.proposals,
        "thresholds": facts.thresholds,
    }


def pooled_only(samples: pd.DataFrame, month: date) -> pd.DataFrame:
    """Those of the pooled months: what is older is left."""
    return _pooled(samples, month)


def _pooled(samples: pd.DataFrame, month: date) -> pd.DataFrame:
    months = sorted({one for one in samples["audit_month_date"] if one <= month})[-_MONTHS:]
    return samples[samples["audit_month_date"].isin(months)]


def _estimate(label: str, found: Estimate) -> Row:
    if found.value is None or found.low is None or found.high is None:
        return {"label": label, "value": "unknown", "note": found.missing}
    return {"label": label, "value": f"{found.value:.0%}", "note": f"95 % interval {found.low:.0%} to {found.high:.0%}"}


def _sample(row: dict[Any, Any], facts: AuditFacts) -> Row:
    account = str(row["account_id"])
    name, owner = facts.accounts.get(account, (None, None))
    detector = text(row["detector"])
    return {
        "sample_id": row["sample_id"],
        "account": name or account,
        "owner": owner or text(row["owner_id"]) or "nobody",
        "stratum": words(str(row["stratum"])),
        "why": ", ".join(words(one) for one in (detector, text(row["reason"])) if one) or "no finding",
        "as_of": str(row["as_of"])[:10],
        "month": f"{row['audit_month_date']:%Y-%m}",
        "is_treated": bool(row["is_treated"]) and row["stratum"] != TOLD,
        "question": _QUESTIONS[str(row["stratum"])],
    }


def _decision(given: AuditVerdict, facts: AuditFacts) -> Row:
    name, _ = facts.accounts.get(given.account_id, (None, None))
    return {
        "account": name or given.account_id,
        "verdict": words(given.verdict),
        "reason": given.reason,
        "by": given.by,
        "on": given.at.date().isoformat(),
    }
