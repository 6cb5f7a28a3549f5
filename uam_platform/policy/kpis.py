"""Money rules of the KPIs.

Here: the typed model of `rulebook/kpis.yaml`. Not here: the arithmetic (`uam_platform.kpis`).
"""

from decimal import Decimal

from pydantic import Field

from uam_platform.policy.load import PolicyModel


class SaveRate(PolicyModel):
    """Share of the revenue at risk that acting is assumed to keep."""

    assumed: Decimal = Field(ge=0, le=1, description="used for ranking")
    low: Decimal = Field(ge=0, le=1, description="lower end shown beside it")
    high: Decimal = Field(ge=0, le=1, description="upper end shown beside it")
    basis: str = Field(min_length=1, description="where the number comes from")


class KpiPolicy(PolicyModel):
    """The rulebook's KPI rules."""

    save_rate: SaveRate
