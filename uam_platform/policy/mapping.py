"""The mapping of own exports: one YAML file that says what the columns of a company's files mean.

Here: the typed model, the canonical names per target, and loading. Not here: reading the files (`uam_platform.connectors.files`)
and the SQL of a mapping (`uam_platform.connectors.mapping`). `docs/examples/online_retail.yaml` is a worked example.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from uam_platform.contracts.landing import DELIVERY_COLUMNS
from uam_platform.policy.load import PolicyModel, parse, read_yaml
from uam_platform.policy.time import KnowledgeBasis

Target = Literal["events", "accounts", "subscriptions", "tickets", "users"]

_MADE_BY_US: Final = {"occurred_text", "original_text", "sent_text", "received_text", "parse_error", "raw_line"}
FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "events": (*(name for name, _ in DELIVERY_COLUMNS if name not in _MADE_BY_US), "amount"),
    "accounts": tuple(
        "account_id account_name parent_account_id tier strategic_fit industry owner_id owner_name owner_email "
        "created_at valid_from_at".split()
    ),
    "subscriptions": tuple(
        "subscription_id account_id product billing_period plan seat_count mrr_usd_cents mrr started_at term_end_at "
        "notice_at ended_at end_reason".split()
    ),
    "tickets": tuple(
        "ticket_id account_id requester_email status priority subject created_at updated_at escalated_at reopened_at "
        "solved_at".split()
    ),
    "users": ("user_id", "email", "account_id", "role", "created_at"),
}
"""Canonical names a table of each target may map. `amount` and `mrr` are in the company's currency and in whole units; they
become `amount_usd_cents` and `mrr_usd_cents`."""

PATH: Final = re.compile(r"[\w-]+(\[\d+\])*(\.[\w-]+(\[\d+\])*)*")
"""A place inside a nested value: names and positions, from the outside in."""
EACH: Final = "each"
"""Column with one element of the list that a table names under `each`."""
MONEY: Final = {"amount": "amount_usd_cents", "mrr": "mrr_usd_cents"}
_REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "events": (),
    "accounts": ("account_id",),
    "subscriptions": ("subscription_id", "account_id", "started_at"),
    "tickets": ("ticket_id", "created_at"),
    "users": ("user_id",),
}


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """`known` names with those most like `name` first."""
    names = list(known)
    near = difflib.get_close_matches(name.lower(), [n.lower() for n in names], n=3, cutoff=0.4)
    ranked = [n for like in near for n in names if n.lower() == like]
    return list(dict.fromkeys([*ranked, *names]))


class Lookup(PolicyModel):
    """A side table that translates the values of a column, such as the names of event types."""

    path: str = Field(description="one file, found like the path of a table")
    key: str = Field(description="its column with the values to translate; each value once")
    value: str = Field(description="its column with what they become")


class ColumnRule(PolicyModel):
    """Where a canonical value comes from; exactly one of column, const and expr. A plain text is a column name."""

    column: str | None = Field(None, description="column of the file")
    const: str | int | float | bool | None = Field(None, description="the same value for every row")
    expr: str | None = Field(None, description="SQL over the file's columns, which are all text")
    map: dict[str, str] | None = Field(None, description="translates values of the column")
    lookup: Lookup | None = Field(None, description="translates values of the column by a side table")
    at: str | None = Field(None, description="place inside a nested value of the column, e.g. price.recurring.interval")
    unit: Literal["whole", "minor"] = Field("whole", description="amounts: whole units of the currency, or its cents")
    default: str | None = Field(None, description="for values that are absent from `map` or `lookup`, or null")

    @field_validator("map", mode="before")
    @classmethod
    def _keys_are_text(cls, value: Any) -> Any:
        return {str(k): str(v) for k, v in value.items()} if isinstance(value, Mapping) else value

    @field_validator("at")
    @classmethod
    def _at_is_a_path(cls, value: str | None) -> str | None:
        if value is not None and not PATH.fullmatch(value):
            raise ValueError("write names and positions from the outside in, e.g. data[0].price.id")
        return value

    @model_validator(mode="after")
    def _at_is_in_a_column(self) -> "ColumnRule":
        if self.at is not None and self.column is None:
            raise ValueError("at looks into the nested values of a column; add column: <name>")
        return self

    @model_validator(mode="after")
    def _has_one_origin(self) -> "ColumnRule":
        if sum(part is not None for part in (self.column, self.const, self.expr)) != 1:
            raise ValueError("write a column name, or exactly one of {column: ...}, {const: ...}, {expr: ...}")
        if self.map is not None and self.column is None:
            raise ValueError("map translates the values of a column; add column: <name>")
        if self.lookup is not None and (self.column is None or self.map is not None):
            raise ValueError("lookup translates the values of a column, in place of map; add column: <name>, drop map")
        return self


class TimeRule(PolicyModel):
    """How the times of a table are written."""

    column: str | None = Field(None, description="events: column of the event time")
    format: str = Field("auto", description="auto, epoch_seconds, epoch_milliseconds, or a strptime pattern")
    zone: str = Field("UTC", description="zone of times that name none, e.g. Europe/London")

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("no such time zone; write an IANA name such as Europe/London or UTC") from None
        return value

    @field_validator("format")
    @classmethod
    def _format_is_known(cls, value: str) -> str:
        if "%" not in value and value not in ("auto", "epoch_seconds", "epoch_milliseconds"):
            raise ValueError("write auto, epoch_seconds, epoch_milliseconds, or a pattern such as '%d/%m/%Y %H:%M'")
        return value


class Knowledge(PolicyModel):
    """Which clock says when a row could first be known."""

    basis: KnowledgeBasis = KnowledgeBasis.OBSERVED
    lag_hours: float = Field(0, ge=0, description="observed: usual delay between the event and its export")
    column: str | None = Field(None, description="received: column with the time of receipt, written as in `time`")

    @model_validator(mode="after")
    def _received_has_a_column(self) -> "Knowledge":
        if (self.basis is KnowledgeBasis.RECEIVED) != (self.column is not None):
            raise ValueError("basis received needs column (the time of receipt), and only it has one")
        return self


class FileOptions(PolicyModel):
    """How a file is written; what is absent is found out from the file."""

    delimiter: str | None = None
    quote: str | None = None
    encoding: Literal["utf-8", "latin-1", "utf-16"] = "utf-8"
    columns: tuple[str, ...] = Field((), description="names of the columns of a CSV file without header line")
    null_text: str = Field("", description="how a CSV file writes an absent value, e.g. NULL")


class TableMapping(PolicyModel):
    """One table of rows that go to one target."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="unique; stands in messages and event ids")
    target: Target
    path: str = Field(description="relative to the mapping; globs and ${NAME} or ${NAME:-default} are allowed")
    format: Literal["csv", "parquet", "jsonl"] | None = Field(None, description="by file name when absent")
    options: FileOptions = FileOptions()
    where: str | None = Field(None, description="SQL condition over the file's columns")
    columns: dict[str, ColumnRule]
    time: TimeRule = TimeRule()
    knowledge: Knowledge = Knowledge()
    row_id: Literal["content", "line", "envelope"] = Field(
        "content",
        description="what makes an event one: content, the whole line (equal lines are one event); line, its position in the "
        "file (every line is an event); envelope, the mapped columns",
    )
    each: str | None = Field(
        None,
        description="a list inside the rows, e.g. items.data: every element of it is a row, with the element in the column `each`",
    )
    first_by: tuple[str, ...] = Field(
        (), description="keep only the first row per combination of these canonical names"
    )

    @field_validator("columns", mode="before")
    @classmethod
    def _plain_text_is_a_column(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {k: {"column": v} if isinstance(v, str) else v for k, v in value.items()}

    @model_validator(mode="after")
    def _names_are_canonical(self) -> "TableMapping":
        known = FIELDS[self.target]
        for name in (*self.columns, *self.first_by):
            if name not in known:
                raise ValueError(f"{self.target} has no {name!r}; it has {', '.join(nearest(name, known))}")
        for name, rule in self.columns.items():
            if rule.unit == "minor" and name not in MONEY:
                raise ValueError(f"{name}: unit is for amounts in the company's currency: {', '.join(MONEY)}")
        if self.each is not None and not PATH.fullmatch(self.each):
            raise ValueError("each: write a column and the way to its list, e.g. items.data")
        for name, cents in MONEY.items():
            if {name, cents} <= set(self.columns):
                raise ValueError(f"map {name} or {cents}, not both")
        return self

    @model_validator(mode="after")
    def _required_are_mapped(self) -> "TableMapping":
        absent = [name for name in _REQUIRED[self.target] if name not in self.columns]
        if absent:
            raise ValueError(f"{self.target} needs {', '.join(absent)} under columns")
        if self.target == "events":
            self._check_event()
        elif self.row_id == "line":
            raise ValueError("row_id: line is for events; other records have their own id")
        return self

    def _check_event(self) -> None:
        if self.time.column is None:
            raise ValueError("events need time: {column: ...}")
        if not {"event_name", "kind"} & set(self.columns):
            raise ValueError("events need event_name (or kind) under columns")
        if not {"user_id", "anonymous_id"} & set(self.columns):
            raise ValueError("events need user_id or anonymous_id under columns")
        if self.row_id == "line" and "message_id" in self.columns:
            raise ValueError("map message_id or write row_id: line, not both")


class Currency(PolicyModel):
    """The currency of all amounts, and the rate at which they become US dollars."""

    code: str = Field("USD", pattern=r"^[A-Z]{3}$")
    usd_rate: float = Field(1.0, gt=0, description="dollars for one unit")
    minor_digits: int = Field(2, ge=0, le=3, description="digits of `unit: minor`: 2 for cents, 0 for yen")

    @model_validator(mode="after")
    def _dollars_are_dollars(self) -> "Currency":
        if self.code == "USD" and self.usd_rate != 1:
            raise ValueError("usd_rate of USD is 1")
        return self


class Company(PolicyModel):
    """Whose data it is."""

    name: str
    product_type: str = Field(description="one of the product types of sessions.yaml")
    currency: Currency = Currency()


class LabelRule(PolicyModel):
    """What churn means here."""

    kind: Literal["subscription_end", "inactivity", "recorded_event"]
    horizon_days: int = Field(ge=7, le=365)
    event: str | None = Field(None, description="recorded_event: canonical name of the event that says who left")

    @model_validator(mode="after")
    def _recorded_has_an_event(self) -> "LabelRule":
        if (self.kind == "recorded_event") != (self.event is not None):
            raise ValueError("kind recorded_event needs event (a canonical event name), and only it has one")
        return self


class ExportMapping(PolicyModel):
    """A whole mapping file."""

    company: Company
    label: LabelRule
    id_space: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="sources with the same id space share user ids")
    taxonomy: str | None = Field(None, description="own taxonomy, relative to the mapping; the rulebook's when absent")
    accept_unknown: bool = Field(False, description="take event names that the taxonomy does not know as they are")
    tables: tuple[TableMapping, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _tables_fit_together(self) -> "ExportMapping":
        names = [table.name for table in self.tables]
        if len(set(names)) != len(names):
            raise ValueError("two tables have the same name; names are unique")
        bases = {(t.knowledge.basis, t.knowledge.lag_hours) for t in self.tables if t.target == "events"}
        if len(bases) > 1:
            raise ValueError("event tables of one mapping share knowledge.basis and lag_hours; split the mapping")
        return self

    @property
    def event_knowledge(self) -> Knowledge:
        """Knowledge rule of the event tables."""
        return next((t.knowledge for t in self.tables if t.target == "events"), Knowledge())


def load_mapping(path: Path) -> ExportMapping:
    """The mapping at `path`.

    Raises:
        PolicyError: one line per mistake: file, key, what to write instead.
    """
    return parse(ExportMapping, read_yaml(path), str(path))


def taxonomy_path(mapping: ExportMapping, path: Path) -> Path | None:
    """The mapping's own taxonomy file; None when it uses the rulebook's.

    Args:
        mapping: the mapping.
        path: where it lies.
    """
    return (path.parent / mapping.taxonomy).resolve() if mapping.taxonomy else None
