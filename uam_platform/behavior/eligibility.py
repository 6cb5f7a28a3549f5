"""Who may be scored and trained on.

Here: the parameters and the rule. Not here: labels (`uam_platform.churn`), the contract facts it looks at (`terms`).
"""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir


@dataclass(frozen=True)
class EligibilityRule:
    """When an account is a customer whose leaving can be foreseen.

    Attributes:
        has_subscriptions: contracts say who is a customer; otherwise recent activity does (a shop).
        min_tenure_days: younger customers are not scored.
        active_within_days: without subscriptions, silence after which an account has left.
    """

    has_subscriptions: bool = True
    min_tenure_days: int = 14
    active_within_days: int = 365


def is_eligible(rows: ir.Table, rule: EligibilityRule) -> ir.BooleanValue:
    """True for customers of sufficient tenure; with subscriptions only while a term runs and no notice is known.

    Args:
        rows: `tenure_days` with `has_term` and `has_notice`, or with `days_since_last_event`.
        rule: the parameters.
    """
    is_customer = (
        rows.has_term & ~rows.has_notice
        if rule.has_subscriptions
        else (rows.days_since_last_event <= rule.active_within_days).fill_null(ibis.literal(False))
    )
    return is_customer & (rows.tenure_days >= rule.min_tenure_days)
