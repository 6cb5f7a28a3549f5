"""When the behaviours that carry durable value strengthen or weaken at an account (R130), and when depth is lost in silence (R6).

Here: the typed model of `rulebook/durable_value.yaml`. Not here: the comparisons it is made of (`policy.surprise`, `policy.harm`), the
arithmetic (`uam_platform.kpis.durable_value`), who is alerted (`policy.alerts`).
"""

from pydantic import Field

from uam_platform.policy.harm import Signal
from uam_platform.policy.load import PolicyModel
from uam_platform.policy.surprise import Peers


class SilentLoss(PolicyModel):
    """Depth falls, beyond noise and beyond the peers, while people still come and nobody has complained."""

    moves_from: float = Field(
        gt=0, description="mean surprise of the signals, in standard deviations, from which depth is lost"
    )
    least_active_days_28d: int = Field(ge=1, description="fewer: the account is going quiet, which is another matter")
    most_tickets_28d: int = Field(0, ge=0)
    most_open_tickets: int = Field(0, ge=0)
    least_days_since_escalation: int = Field(56, ge=1)
    signals: dict[str, Signal] = Field(min_length=1)


class DurableValue(Peers):
    """A weighted mean of signed surprises: above the limit behaviours strengthen, below minus the limit they weaken, between they hold."""

    version: int = Field(1, ge=1)
    moves_from: float = Field(gt=0, description="mean surprise, in standard deviations, from which an account moves")
    least_core_84d: int = Field(
        ge=1, description="fewer core completions in twelve weeks: nothing is said of the account"
    )
    least_tenure_days: int = Field(ge=0, description="younger accounts are still being set up: nothing is said of them")
    signals: dict[str, Signal] = Field(min_length=1)
    silent: SilentLoss
