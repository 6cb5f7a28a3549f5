"""Which step of the model ladder the data can carry.

Here: the choice by number of distinct churned accounts. What the promotion gate makes of it is decided in `train`: trees that help
no more than chance might still score (`lightgbm_unproven`) but explain nothing; trees that do not help give way to the contract
hazard. Not here: the thresholds (`rulebook/churn.yaml`), the models (`baseline`,
`train`), fitting a calibration (`calibration`).
"""

from dataclasses import dataclass
from typing import Literal

from uam_platform.policy.churn import Ladder

Rung = Literal["rules", "contract_and_index", "contract_hazard", "lightgbm_unproven", "lightgbm"]
CalibrationKind = Literal["none", "intercept", "platt", "isotonic"]


@dataclass(frozen=True)
class Step:
    """A step of the ladder."""

    rung: Rung
    calibration: CalibrationKind


def choose(churned_accounts: int, ladder: Ladder) -> Step:
    """The step for so many distinct churned accounts.

    Nobody left yet: the rules alone with a wide interval, which rank accounts and are no prediction. Few: contract hazard shrunk to the
    rules, and one slope of the declared index. Enough: LightGBM, its calibration the freer the more accounts support it.
    """
    if churned_accounts == 0:
        return Step("rules", "none")
    if churned_accounts < ladder.lightgbm:
        return Step("contract_and_index", "none")
    if churned_accounts < ladder.platt:
        return Step("lightgbm", "intercept")
    return Step("lightgbm", "platt" if churned_accounts <= ladder.isotonic else "isotonic")
