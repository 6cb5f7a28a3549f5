"""What churn is, how it is learned and how a score is put into words.

Here: the typed model of `rulebook/churn.yaml`. Not here: labels, features, training and scoring (`uam_platform.churn`).
"""

from string import Formatter
from typing import Literal

from pydantic import Field, model_validator

from uam_platform.contracts.tables import ACCOUNT_FEATURES
from uam_platform.policy.diagnosis import Diagnosis
from uam_platform.policy.load import PolicyModel

Family = Literal["behaviour", "contract", "context"]

_MONEY = {c.removesuffix("_cents") for c in ACCOUNT_FEATURES.column_names if c.endswith("_usd_cents")}
PLACEHOLDERS = frozenset({*ACCOUNT_FEATURES.column_names, *_MONEY})


class BaseRate(PolicyModel):
    """What is believed before any customer has left: a probability per horizon, worth so many accounts."""

    probability: float = Field(gt=0, lt=1)
    accounts: float = Field(gt=0)
    early_share: float = Field(
        0.1, ge=0, le=1, description="of those who signed for a term and leave: who does so before its end"
    )


class IndexRule(PolicyModel):
    """What is believed of the declared index; see uam_platform/churn/rules.py."""

    slope: float = Field(0.7, ge=0, le=3, description="log odds per standard deviation of the index")
    deviation: float = Field(0.35, gt=0, description="standard deviation of that belief")
    weeks: int = Field(26, ge=1, description="latest weeks whose accounts the scalers are frozen on")


class Ladder(PolicyModel):
    """Distinct churned accounts in training from which each step is used."""

    lightgbm: int = Field(ge=1)
    platt: int = Field(ge=1)
    isotonic: int = Field(ge=1)

    @model_validator(mode="after")
    def _steps_rise(self) -> "Ladder":
        if not self.lightgbm <= self.platt <= self.isotonic:
            raise ValueError("the steps must rise: lightgbm <= platt <= isotonic")
        return self


class ContractCells(PolicyModel):
    """Cells of the contract baseline."""

    renewal_edges_days: tuple[int, ...] = Field(min_length=1, description="rising edges of the days-to-renewal buckets")
    shrink_accounts: float = Field(gt=0)

    @model_validator(mode="after")
    def _edges_rise(self) -> "ContractCells":
        if list(self.renewal_edges_days) != sorted(set(self.renewal_edges_days)):
            raise ValueError("renewal_edges_days must rise")
        return self


class TrainingRule(PolicyModel):
    """How weekly rows of accounts become training rows."""

    quiet_stride_weeks: int = Field(ge=1, le=8)
    spell_weight_power: float = Field(ge=0, le=1)
    calibration_weeks: int = Field(ge=4)


class GateRule(PolicyModel):
    """What behaviour must show before it may explain anything; see uam_platform/churn/gate.py."""

    permutations: int = Field(200, ge=20, le=1000)
    percentile: float = Field(0.99, gt=0.5, lt=1)
    useless_give_way: bool = Field(
        True, description="trees that do not help at all leave the score to the contract hazard"
    )


class PromotionRule(PolicyModel):
    """When a newly trained model may serve; see uam_platform/churn/promotion.py."""

    weeks: int = Field(12, ge=4, le=52, description="latest weeks with final outcomes on which both models are judged")
    draws: int = Field(500, ge=100, le=5000)
    percentile: float = Field(0.975, gt=0.5, lt=1)
    least_churned_accounts: int = Field(30, ge=10, description="fewer: nothing can be told, the new model serves")


class LightGbmRule(PolicyModel):
    """LightGBM parameters; names as in its documentation."""

    num_trees: int = Field(ge=1, le=2000)
    learning_rate: float = Field(gt=0, le=1)
    num_leaves: int = Field(ge=2, le=256)
    min_data_in_leaf: int = Field(ge=1)
    feature_fraction: float = Field(gt=0, le=1)
    bagging_fraction: float = Field(gt=0, le=1)
    bagging_freq: int = Field(ge=0)
    lambda_l2: float = Field(ge=0)
    max_bin: int = Field(ge=15, le=255)


class Codes(PolicyModel):
    """Order of the categories; a value that is not listed is missing to the model."""

    billing_period: tuple[str, ...]
    tier: tuple[str, ...]
    strategic_fit: tuple[str, ...]
    plan: tuple[str, ...]


class ReasonRule(PolicyModel):
    """How many reasons are shown, and how much one must say."""

    behaviour: int = Field(ge=1, le=10)
    contract: int = Field(ge=0, le=10)
    minimum_log_odds: float = Field(gt=0, description="a weaker contribution is noise, not a reason")


class FeatureRule(PolicyModel):
    """One input of the model: theme of its reasons, direction, and its words.

    Attributes:
        theme: reasons are shown one per theme.
        monotone: -1 more lowers the risk, +1 more raises it, 0 either.
        pivot: value from which `high` is said instead of `low`.
        high: the reason in words; placeholders are columns of `account_features`, money also without `_cents`.
        low: the reason below the pivot; `high` where absent.
        missing: the reason where the value is not known.
    """

    theme: str
    monotone: Literal[-1, 0, 1]
    pivot: float = 0.0
    high: str
    low: str | None = None
    missing: str | None = None

    @model_validator(mode="after")
    def _placeholders_exist(self) -> "FeatureRule":
        for text in (self.high, self.low or "", self.missing or ""):
            for _, name, spec, conversion in Formatter().parse(text):
                if name is not None and (name not in PLACEHOLDERS or spec or conversion):
                    raise ValueError(f"{{{name}}} in {text!r} is no column of account_features")
        return self


class ChurnPolicy(PolicyModel):
    """The rulebook's churn rules."""

    horizon_days: int = Field(56, ge=7, le=365)
    label_kind: Literal["subscription_end", "inactivity", "recorded_event"]
    label_event: str | None = None
    renewal_grace_days: int = Field(14, ge=0, le=90)
    rolling_billing_periods: tuple[str, ...]
    censoring_reasons: tuple[str, ...]
    folds: int = Field(5, ge=3, le=20)
    retrain_every_weeks: int = Field(4, ge=1, le=52)
    base_rate: BaseRate
    ladder: Ladder
    contract_cells: ContractCells
    index: IndexRule = IndexRule()
    training: TrainingRule
    gate: GateRule = GateRule()
    promotion: PromotionRule = PromotionRule()
    lightgbm: LightGbmRule
    codes: Codes
    reasons: ReasonRule
    diagnosis: Diagnosis = Diagnosis()
    themes: dict[str, Family]
    features: dict[str, FeatureRule] = Field(min_length=1)

    @model_validator(mode="after")
    def _themes_exist(self) -> "ChurnPolicy":
        for name, rule in self.features.items():
            if rule.theme not in self.themes:
                raise ValueError(f"feature {name}: theme {rule.theme!r} is not under themes ({', '.join(self.themes)})")
        return self

    @model_validator(mode="after")
    def _diagnosis_speaks_of_what_there_is(self) -> "ChurnPolicy":
        for name, explanation in self.diagnosis.explanations.items():
            if unknown := [t for t in explanation.themes if self.themes.get(t) != "behaviour"]:
                raise ValueError(f"diagnosis: explanation {name}: no behaviour theme {', '.join(unknown)}")
        for name, sign in self.diagnosis.signs.items():
            if sign.feature is not None and sign.feature not in self.features:
                raise ValueError(f"diagnosis: sign {name}: no feature {sign.feature!r} under features")
        return self

    @property
    def label_lag_days(self) -> int:
        """Days after as_of at which its label is final: the horizon, and the grace in which a renewal may still come."""
        return self.horizon_days + (self.renewal_grace_days if self.label_kind == "subscription_end" else 0)

    def family(self, feature: str) -> Family:
        """Family of a feature's reasons: behaviour, contract, or context that is never shown as a reason."""
        return self.themes[self.features[feature].theme]
