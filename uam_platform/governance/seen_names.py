"""Names that were delivered and that nobody declared, or that are refused.

Here: counting them over the lake, and telling them as findings of the linter. Not here: the rules of names
(`uam_platform.policy.taxonomy_lint`), what they may mean (`synonyms`). Engine-neutral Ibis.
"""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Final

import ibis
import ibis.expr.types as ir
import pandas as pd

from uam_platform.policy.event_names import normalise, proposed
from uam_platform.policy.taxonomy import Taxonomy
from uam_platform.policy.taxonomy_lint import Finding

_SAYS: Final = {
    "unknown_name": ("undeclared", "was delivered and nobody declared it"),
    "accepted": ("undeclared", "was delivered and taken as it is, and nobody declared it"),
    "rejected_name": ("refused", "describes the interface and was set aside"),
    "deprecated_name": ("refused", "was deprecated and is set aside by now"),
}


def seen_names(events: ir.Table, unknown: ir.Table, taxonomy: Taxonomy) -> pd.DataFrame:
    """Delivered names without a declared event, the most delivered first.

    Args:
        events: EVENTS; holds undeclared names only where the taxonomy accepts unknown ones.
        unknown: UNKNOWN_EVENTS.
        taxonomy: the rules in use.

    Returns:
        event_name_source, reason (`accepted` where it was taken as it is), sources, row_count, first_date, last_date.
    """
    undeclared = events.filter(events.event_name.notin(list(taxonomy.events)))
    taken = undeclared.select("event_name_source", "source", "event_date", reason=ibis.literal("accepted"))
    rows = unknown.select("event_name_source", "source", "event_date", "reason").union(taken)
    counted = rows.group_by("event_name_source", "reason", "source").aggregate(
        row_count=rows.count(), first_date=rows.event_date.min(), last_date=rows.event_date.max()
    )
    frame = counted.to_pandas().sort_values(["event_name_source", "reason", "source"])
    merged = frame.groupby(["event_name_source", "reason"], as_index=False).agg(
        sources=("source", tuple),
        row_count=("row_count", "sum"),
        first_date=("first_date", "min"),
        last_date=("last_date", "max"),
    )
    return merged.sort_values(["row_count", "event_name_source"], ascending=[False, True], ignore_index=True)


def findings(seen: pd.DataFrame, taxonomy: Taxonomy, origin: str) -> Iterator[Finding]:
    """A finding per delivered name that has no event.

    Args:
        seen: as `seen_names` gives it.
        taxonomy: the rules in use.
        origin: the taxonomy's file, where it would be declared.
    """
    for row in seen.to_dict("records"):
        yield _finding(row, taxonomy, origin)


def _finding(row: Mapping[Hashable, Any], taxonomy: Taxonomy, origin: str) -> Finding:
    name = row["event_name_source"]
    reason, says = _SAYS[row["reason"]]
    counts = f"{row['row_count']:,} rows from {', '.join(row['sources'])}, {row['first_date']:%Y-%m-%d} to {row['last_date']:%Y-%m-%d}"
    known = taxonomy.canonical_names().get(normalise(proposed(name)))
    write = "declare it, accept it as a synonym (uam taxonomy propose), or stop sending it"
    return Finding(
        origin, name, reason, f"{says}: {counts}", f"uam taxonomy accept {name!r} --as {known}" if known else write
    )
