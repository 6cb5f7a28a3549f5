"""Words and evidence of a finding on a workflow.

Here: headline and summary. Not here: findings on one account (`wording`).
"""

from collections.abc import Mapping
from typing import Any

from uam_platform.alerts.groups import Finding
from uam_platform.alerts.wording import percent
from uam_platform.contracts.money import dollars
from uam_platform.policy.alerts import Detector
from uam_platform.policy.groups import Group

Row = Mapping[Any, Any]


def title(row: Row, found: Finding, detector: Detector) -> str:
    """Headline: workflow, kind, accounts, dollars."""
    where = f"{len(found.accounts)} accounts"
    return f"{_subject(found)}: {detector.title} in {where}, {dollars(row['revenue_at_risk_usd_cents'])} at risk"


def summary(row: Row, found: Finding, group: Group) -> str:
    """What fails, for how many, against before, since which release, and what it is worth."""
    failures, before = found.accounts["failure_count"].sum(), found.accounts["before_failure_count"].sum()
    usual = before * group.window_days / group.before_days
    texts = [
        f"{_subject(found)} failed {failures:,} times within {group.window_days} days in {len(found.accounts)} of the "
        f"{found.using_count} accounts that use it; {usual:.0f} times would be usual for them."
    ]
    if found.feature_flag:
        of = found.release
        behind = f" (release {of['release_version']} {of['title']} of {of['released_at']})" if of else ""
        texts.append(
            f"Most of them first saw the flag {found.feature_flag}{behind} in the last {group.new_flag_days} days."
        )
    fallen = found.accounts["use_ratio"].median()
    if fallen == fallen:
        texts.append(f"Their use of it stands at {percent(fallen)} of before (median).")
    texts.append(f"Together they are worth {dollars(row['arr_usd_cents'])} a year.")
    return " ".join(texts)


def _subject(found: Finding) -> str:
    return f"Workflow {found.workflow}" + (f" with {found.error_code}" if found.error_code else "")
