"""Which delivered name may be another name for which event: proposals with their evidence, for a person to accept (R63).

Here: counting neighbours of names and weighing three kinds of evidence. Nothing is accepted here. Not here: spelling (`spelling`),
writing a decision down (`uam_platform.policy.taxonomy_changes`). Engine-neutral Ibis up to one small table of steps.

Three kinds of evidence:
- same words: the names share their words, or nearly their letters;
- same moment: the same actor has both within seconds, far more often than chance; two layers tell one act;
- same place: no source delivers both, actors do them equally often, and what comes before and after is the same; one act in two products.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt

from uam_platform.governance.spelling import alike
from uam_platform.policy.taxonomy_rules import ProposalRule

SAME_WORDS: Final = "same words"
SAME_MOMENT: Final = "same moment"
SAME_PLACE: Final = "same place"
Vectors = Mapping[str, npt.NDArray[np.float64]]
_US: Final = 1_000_000
_SESSION_S: Final = 1800


@dataclass(frozen=True)
class Evidence:
    """One reason to take two names for one.

    Attributes:
        kind: same words, same moment or same place.
        strength: between 0 and 1, for the order.
        numbers: in words, with the numbers.
    """

    kind: str
    strength: float
    numbers: str


@dataclass(frozen=True)
class Proposal:
    """One delivered name and what it may mean.

    Attributes:
        name: as delivered.
        meant: the declared event, or another delivered name that nobody declared.
        is_declared: whether `meant` is a declared event.
        rows: events set aside under the name.
        sources: who delivers it: source and layer.
        evidence: the reasons, strongest first.
    """

    name: str
    meant: str
    is_declared: bool
    rows: int
    sources: tuple[str, ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Total:
    """What is counted of one name: rows, actors by teller, and who tells it."""

    is_unknown: bool
    rows: int
    actors: int
    sources: tuple[str, ...]

    @property
    def systems(self) -> set[str]:
        """Sources without their layer."""
        return {source.split("/")[0] for source in self.sources}

    @property
    def rate(self) -> float:
        """Rows per actor."""
        return self.rows / max(self.actors, 1)


@dataclass(frozen=True)
class Names:
    """Totals by name, and of each step from a name to the actor's next one its rows and those within seconds."""

    totals: Mapping[str, Total]
    steps: Mapping[tuple[str, str], tuple[int, int]]


def told(events: ir.Table, unknown: ir.Table, deliveries: ir.Table) -> ir.Table:
    """Who did what when, under which name: columns name, is_unknown, teller, actor_key, occurred_us.

    Args:
        events: EVENTS of some days; only actions count.
        unknown: UNKNOWN_EVENTS of the same days.
        deliveries: DELIVERIES of the same days, which know actor and time of what was set aside.
    """
    done = events.filter(events.event_kind == "track")
    known = done.select(
        name=done.event_name,
        is_unknown=ibis.literal(False),
        teller=_teller(done),
        actor_key="actor_key",
        occurred_us="occurred_us",
    )
    row = ("event_date", "load_id", "row_no")
    aside = unknown.select(*row, name=unknown.event_name_source).inner_join(deliveries, row)
    unheard = aside.select(
        name="name",
        is_unknown=ibis.literal(True),
        teller=_teller(aside),
        actor_key="actor_key",
        occurred_us="occurred_us",
    )
    return known.union(unheard)


def _teller(rows: ir.Table) -> ir.StringValue:
    return rows.source + ibis.literal("/") + rows.side


def counted(rows: ir.Table, rule: ProposalRule) -> Names:
    """Totals and steps of `told` rows; a step leads to the actor's next row within half an hour."""
    totals = rows.group_by("name", "is_unknown", "teller").aggregate(rows=rows.count(), actors=rows.actor_key.nunique())
    order = ibis.window(group_by=rows.actor_key, order_by=[rows.occurred_us, rows.name])
    follow = rows.mutate(next_name=rows.name.lead().over(order), next_us=rows.occurred_us.lead().over(order))
    gap = follow.next_us - follow.occurred_us
    near = follow.filter(follow.next_name.notnull() & (gap <= _SESSION_S * _US))
    steps = near.group_by("name", "next_name").aggregate(
        rows=near.count(), close_rows=near.count(where=near.next_us - near.occurred_us <= int(rule.moment_s * _US))
    )
    found = sorted(steps.to_pyarrow().to_pylist(), key=lambda step: (step["name"], step["next_name"]))
    return Names(
        totals=_totals(totals.to_pyarrow().to_pylist()),
        steps={(step["name"], step["next_name"]): (step["rows"], step["close_rows"]) for step in found},
    )


def _totals(by_teller: list[dict[str, Any]]) -> dict[str, Total]:
    found: dict[str, Total] = {}
    for row in sorted(by_teller, key=lambda row: (row["name"], row["teller"])):
        so_far = found.get(row["name"], Total(False, 0, 0, ()))
        found[row["name"]] = Total(
            is_unknown=so_far.is_unknown or row["is_unknown"],
            rows=so_far.rows + row["rows"],
            actors=so_far.actors + row["actors"],
            sources=tuple(dict.fromkeys((*so_far.sources, row["teller"]))),
        )
    return found


def proposals(names: Names, declared: Iterable[str], rule: ProposalRule) -> list[Proposal]:
    """Proposals for every unknown name, the most delivered first; at most `shown` per name, the strongest first.

    Args:
        names: counts of what was delivered.
        declared: canonical events of the taxonomy; those never delivered can still share words.
        rule: from when on evidence counts.
    """
    known, around = sorted(declared), _neighbours(names)
    unknown = sorted((-total.rows, name) for name, total in names.totals.items() if total.is_unknown)
    found = []
    for _, name in unknown:
        others = [*known, *(other for _, other in unknown if other != name)]
        rated = [(other, evidence) for other in others if (evidence := _evidence(name, other, names, around, rule))]
        rated.sort(key=lambda pair: (-sum(one.strength for one in pair[1]), pair[0] not in known, pair[0]))
        total = names.totals[name]
        found += [
            Proposal(name, other, other in known, total.rows, total.sources, evidence)
            for other, evidence in rated[: rule.shown]
        ]
    return found


def _evidence(name: str, other: str, names: Names, around: Vectors, rule: ProposalRule) -> tuple[Evidence, ...]:
    found = []
    if (shared := alike(name, other)) >= rule.least_alike:
        found.append(Evidence(SAME_WORDS, shared, f"words or letters alike {shared:.2f}"))
    mine, theirs = names.totals[name], names.totals.get(other)
    if theirs is not None and min(mine.rows, theirs.rows) >= rule.least_rows:
        seen = (_same_moment(name, other, names, rule), _same_place(name, other, names, around, rule))
        found += [evidence for evidence in seen if evidence]
    return tuple(sorted(found, key=lambda evidence: -evidence.strength))


def _same_moment(name: str, other: str, names: Names, rule: ProposalRule) -> Evidence | None:
    rows = names.totals[name].rows
    together = sum(names.steps.get(pair, (0, 0))[1] for pair in ((name, other), (other, name)))
    share = min(together / rows, 1.0)
    close = sum(near for pair, (_, near) in names.steps.items() if name in pair)
    expected = close * names.totals[other].rows / sum(total.rows for total in names.totals.values())
    lift = together / max(expected, 1.0)
    if share < rule.least_together or lift < rule.least_lift:
        return None
    says = f"{together:,} of {rows:,} have {other} of the same actor within {rule.moment_s:g} s, {lift:.0f} times as many as by chance"
    return Evidence(SAME_MOMENT, round(share, 2), says)


def _same_place(name: str, other: str, names: Names, around: Vectors, rule: ProposalRule) -> Evidence | None:
    mine, theirs = names.totals[name], names.totals[other]
    if mine.systems & theirs.systems or name not in around or other not in around:
        return None
    cosine = float(around[name] @ around[other])
    if (
        min(mine.rate, theirs.rate) / max(mine.rate, theirs.rate) < rule.least_rate_ratio
        or cosine < rule.least_neighbours
    ):
        return None
    says = (
        f"never both from one source ({', '.join(mine.sources)} | {', '.join(theirs.sources)}); {mine.rate:.1f} and {theirs.rate:.1f} "
        f"per actor; what comes before and after is alike {cosine:.2f}"
    )
    return Evidence(SAME_PLACE, round(cosine, 2), says)


def _neighbours(names: Names) -> Vectors:
    """Unit vector per name: shares of the declared events before and after it, less those of all names together.

    Taking the common shares off keeps names apart that only have frequent events around them, as every name has.
    """
    declared = sorted(name for name, total in names.totals.items() if not total.is_unknown)
    places = {name: place for place, name in enumerate(declared)}
    counts = {name: np.zeros((2, len(places))) for name in names.totals}
    for (name, after), (rows, _) in names.steps.items():
        if after in places:
            counts[name][0, places[after]] += rows
        if name in places:
            counts[after][1, places[name]] += rows
    usual = _shares(np.sum(list(counts.values()), axis=0)) if counts else np.zeros((2, 0))
    found = {name: (_shares(count) - usual).ravel() for name, count in counts.items() if count.sum() > 0}
    lengths = {name: float(np.linalg.norm(vector)) for name, vector in found.items()}
    return {name: vector / lengths[name] for name, vector in found.items() if lengths[name] > 0}


def _shares(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
