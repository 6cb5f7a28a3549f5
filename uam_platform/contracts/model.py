"""What a column, a table contract and a broken rule are: plain data, no engine.

Here: the types that `vocabulary` and `tables` are written in. Not here: the translation into Pandera, Parquet or Dagster
schemas (`schemas`), or running a check against rows (`uam_platform.lake.validation`).
"""

from dataclasses import dataclass
from enum import StrEnum


class Type(StrEnum):
    """Engine-neutral column types. Timestamps are naive UTC with microseconds; money is integer cents."""

    STRING = "string"
    BOOL = "bool"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    FLOAT64 = "float64"
    DATE = "date"
    TIMESTAMP = "timestamp"


class Pii(StrEnum):
    """How closely a column points at a person."""

    NONE = "none"
    PSEUDONYM = "pseudonym"  # a stable key of a person; no name can be read from it
    PERSONAL = "personal"  # names, addresses, free text a person wrote


class Purpose(StrEnum):
    """The five outcomes a stored field may serve (R182), and the plumbing that makes them provable."""

    ONBOARDING = "onboarding"
    ISSUE_RESOLUTION = "issue_resolution"
    CHURN_DETECTION = "churn_detection"
    PRODUCT_DECISIONS = "product_decisions"
    COMPLIANCE = "compliance"


@dataclass(frozen=True)
class Column:
    """One word of the vocabulary: same name, same type, unit and meaning in every table.

    `made_of` names other columns it is computed from, where its name does not begin with theirs.
    """

    name: str
    type: Type
    meaning: str
    unit: str = ""
    pii: Pii = Pii.NONE
    purpose: Purpose = Purpose.CHURN_DETECTION
    allowed: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    made_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ordered:
    """Row rule: `low` <= `high` wherever both are known."""

    low: str
    high: str

    @property
    def reason(self) -> str:
        """Reason code used in counts and messages."""
        return f"{self.low}_after_{self.high}"


@dataclass(frozen=True)
class Contract:
    """The promise of one stored table.

    Attributes:
        stage: room that owns the table; first part of its asset key and its folder in the lake.
        name: table name, a plural noun.
        grain: what one row is, in words.
        columns: the columns in stored order; each name must be in the vocabulary.
        key: columns that together are unique and give the total order a partition is stored in.
        nullable: names of columns that may be null; every other column may not.
        partition: the column whose value is the partition key, or None for an unpartitioned table.
        rules: row rules beyond the bounds the vocabulary gives.
        description: what the table is for.
        version: raised whenever a stored table written under the old contract would not satisfy the new one.
    """

    stage: str
    name: str
    grain: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    nullable: frozenset[str] = frozenset()
    partition: str | None = None
    rules: tuple[Ordered, ...] = ()
    version: int = 1

    def __post_init__(self) -> None:
        names = self.column_names
        unknown = ({*self.key, *self.nullable} | {n for r in self.rules for n in (r.low, r.high)}) - set(names)
        if self.partition is not None:
            unknown |= {self.partition} - set(names)
        if unknown or len(set(names)) != len(names):
            raise ValueError(f"contract {self.stage}/{self.name}: unknown or repeated columns {sorted(unknown)}")

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in stored order."""
        return tuple(c.name for c in self.columns)

    @property
    def path(self) -> tuple[str, str]:
        """Folder in the lake and Dagster asset key: (stage, table)."""
        return (self.stage, self.name)
