"""Rules of data quality that people edit: which client event mirrors which server event, what counts as missing, who is told.

Here: the typed model of `rulebook/quality.yaml`. Not here: measuring and judging (`uam_platform.quality`), event names (`policy.taxonomy`).
"""

from pydantic import Field, model_validator

from uam_platform.policy.duties import DutyName
from uam_platform.policy.load import PolicyModel
from uam_platform.policy.taxonomy import Taxonomy


class Twin(PolicyModel):
    """Events of the two sides that tell of one run: where the server told of it, the client should have told of it too (R55)."""

    says: str = Field(min_length=3, description="what both sides tell of, for people")
    client: tuple[str, ...] = Field(min_length=1, description="canonical events of the client")
    server: tuple[str, ...] = Field(min_length=1, description="canonical events of the server about the same run")


class UnderCount(PolicyModel):
    """When client events that are missing beside their server twins become a finding."""

    window_days: int = Field(28, ge=7, description="event days judged together")
    tolerated_ratio: float = Field(
        0.05, gt=0, lt=0.5, description="share of server actions without a client telling that networks explain"
    )
    least_actions: int = Field(40, ge=1, description="server actions of a browser below which nothing is judged")
    least_actors: int = Field(8, ge=3, description="people behind them; one person must not make a finding")


class FrontEndDrift(PolicyModel):
    """When a client event that falls while its server twin holds becomes a finding (R56)."""

    window_days: int = Field(14, ge=3, description="event days judged together")
    baseline_days: int = Field(56, ge=14, description="days before them that say what is usual")
    least_fall_ratio: float = Field(0.15, gt=0, lt=1, description="further missing share against what is usual")
    least_actions: int = Field(20, ge=1, description="server actions of a version below which nothing is judged")
    least_actors: int = Field(6, ge=3, description="people behind them")


class SourceOrder(PolicyModel):
    """When an order of events that cannot be becomes a finding."""

    tolerated_seconds: int = Field(2, ge=0, description="clocks and networks differ by that much for no reason")
    least_pairs: int = Field(20, ge=5, description="runs of a day below which nothing is judged")
    wrong_ratio: float = Field(0.1, gt=0, lt=1, description="share of a day's runs that end before they start")
    apart_seconds: int = Field(
        300, ge=10, description="three of four runs lie at least so far apart: a clock or a zone is off"
    )

    @property
    def apart_ms(self) -> int:
        """`apart_seconds` in milliseconds."""
        return 1000 * self.apart_seconds


class Daily(PolicyModel):
    """When a day of a source differs from what its past lets expect."""

    weeks: int = Field(8, ge=3, description="same weekdays before that say what is expected")
    least_weeks: int = Field(4, ge=2, description="of them, below which nothing is judged")
    least_rows: int = Field(50, ge=1, description="expected rows of a day below which volume is not judged")
    volume_ratio: float = Field(0.35, gt=0, lt=1, description="least deviation of a day's volume that is told")
    deviations: float = Field(5.0, gt=1, description="least deviation in robust standard deviations")
    silent_days: int = Field(2, ge=1, description="days without a record, beyond the longest usual gap")
    missing_points: float = Field(0.05, gt=0, lt=1, description="least change of a field's missing share")
    new_name_rows: int = Field(20, ge=1, description="events of a new name within two weeks before it is told")
    vanished_rows: float = Field(
        20.0, gt=0, description="events expected within five days before their absence says that a name vanished"
    )


class Findings(PolicyModel):
    """From days that stand out to findings, few and calm."""

    false_discovery_ratio: float = Field(
        0.01, gt=0, lt=0.2, description="expected share of false ones among all that stand out on a day"
    )
    confirmed_days: int = Field(2, ge=1, description="days in a row before a finding opens")
    resolved_after_days: int = Field(7, ge=1, description="days without it before it is resolved")


class QualityPolicy(PolicyModel):
    """The rulebook's section on data quality."""

    version: int = Field(ge=1)
    duty: DutyName = Field("quality", description="duty whose owners are told; they stand in duties.yaml")
    channel: str = Field(min_length=3, description="Slack channel of the owners, an id")
    told_per_day: int = Field(5, ge=1, description="findings told in one day; the others wait in the report")
    told_within_days: int = Field(14, ge=1, description="older findings are not told for the first time")
    looked_back_days: int = Field(400, ge=60, description="event days that are looked at")
    settled_days: int = Field(3, ge=0, description="days that late client events have before their run is judged")
    context_days: int = Field(28, ge=1, description="how far from a server action its actor's browser is looked for")
    twins: dict[str, Twin]
    undercount: UnderCount = UnderCount()
    drift: FrontEndDrift = FrontEndDrift()
    order: SourceOrder = SourceOrder()
    daily: Daily = Daily()
    findings: Findings = Findings()

    @model_validator(mode="after")
    def _twins_are_apart(self) -> "QualityPolicy":
        seen: dict[str, str] = {}
        for name, twin in self.twins.items():
            for event in (*twin.client, *twin.server):
                if seen.setdefault(event, name) != name:
                    raise ValueError(f"event {event!r} stands in the twins {seen[event]} and {name}; keep one")
        return self

    def unknown_events(self, taxonomy: Taxonomy) -> list[str]:
        """Events of twins that the taxonomy does not know, sorted: a company with names of its own needs twins of its own."""
        named = {event for twin in self.twins.values() for event in (*twin.client, *twin.server)}
        return sorted(named - set(taxonomy.events))
