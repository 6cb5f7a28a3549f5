"""Applies the event taxonomy to delivered names: canonical name, marker, or the reason why it is set aside.

Here: one small table of the distinct names in the data, judged once each, so that no pattern runs over every event. Not here:
the rules (`uam_platform.policy.taxonomy`), joining the verdict to events (`events`). Engine-neutral Ibis.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise
from typing import Any, Final

import ibis
import ibis.expr.types as ir

from uam_platform.policy.event_names import normalise
from uam_platform.policy.taxonomy import DEPRECATED_NAME, Taxonomy

CALL_NAMES: Final[Mapping[str, str]] = {
    "identify": "user_identified",
    "group": "workspace_joined",
    "alias": "user_aliased",
    "page": "page_viewed",
}
"""Calls that are an event by their kind; the name they may carry is a page title."""

UNKNOWN: Final = "unknown_name"
REJECTED: Final = "rejected_name"
_RULES: Final = ibis.schema(
    {
        "spelling": "string",
        "event_name": "string",
        "marker": "string",
        "is_core": "boolean",
        "refusal": "string",
        "from_date": "date",
        "to_date": "date",
    }
)
_BITS: Final = ibis.schema({"spelling": "string", "feature_bits": "int64"})


def name_keys(taxonomy: Taxonomy) -> tuple[str, ...]:
    """Columns on which the verdict on a name depends: the event day only where some event is deprecated."""
    return ("event_kind", "event_name_source", *(("event_date",) if taxonomy.is_dated else ()))


def judged_names(names: ir.Table, taxonomy: Taxonomy) -> ir.Table:
    """What the taxonomy says about each name.

    Args:
        names: distinct `name_keys`.
        taxonomy: the company's rules. A listed name or synonym is accepted even where a rejected pattern matches it.

    Returns:
        `name_keys`, `event_name`, `marker`, `is_core` and `reason` (null where the name is accepted). A deprecated name counts as its
        successor from `deprecated_on` on and is set aside from `refused_from` on, by the day of the event.
    """
    fixed = [f"call {kind}" for kind in CALL_NAMES]  # the blank keeps them apart from normalised names
    is_call = names.event_kind.isin(list(CALL_NAMES))
    spelling = ibis.ifelse(is_call, ibis.literal("call ") + names.event_kind, _normalised(names.event_name_source))
    listed = names.mutate(spelling=spelling)
    rules = _rules(taxonomy, fixed)
    if taxonomy.is_dated:
        is_then = [rules.from_date <= listed.event_date, listed.event_date < rules.to_date]
        known = listed.left_join(rules, [listed.spelling == rules.spelling, *is_then])
    else:
        known = listed.left_join(rules, "spelling")
    refused = ibis.literal(False)
    for pattern in taxonomy.rejected_patterns:
        refused = refused | known.event_name_source.re_search(pattern)
    unlisted = known.event_name.isnull()
    otherwise = ibis.null("string") if taxonomy.accept_unknown else ibis.literal(UNKNOWN)
    return known.select(
        *name_keys(taxonomy),
        event_name=known.event_name.fill_null(known.event_name_source),
        marker=known.marker.fill_null("none"),
        is_core=known.is_core.fill_null(False),
        reason=ibis.cases((unlisted & refused, REJECTED), (unlisted, otherwise), else_=known.refusal),
    )


def feature_bits(features: ir.Table, taxonomy: Taxonomy) -> ir.Table:
    """Bit of each distinct `feature`: its position in the taxonomy, whatever its spelling; unknown features are left out."""
    bits = {normalise(name): 1 << position for position, name in enumerate(taxonomy.features)}
    rows = [{"spelling": spelling, "feature_bits": bit} for spelling, bit in bits.items()]
    spelled = features.mutate(spelling=_normalised(features.feature))
    return spelled.inner_join(ibis.memtable(rows, schema=_BITS), "spelling").select("feature", "feature_bits")


def _rules(taxonomy: Taxonomy, calls: list[str]) -> ir.Table:
    spellings = [*taxonomy.canonical_names().items(), *zip(calls, CALL_NAMES.values(), strict=True)]
    rows = [row for spelling, name in spellings for row in _periods(spelling, name, taxonomy)]
    return ibis.memtable(rows, schema=_RULES)


def _periods(spelling: str, name: str, taxonomy: Taxonomy) -> Iterator[dict[str, Any]]:
    """One row per stretch of event days in which the name means the same; a call that no event names is context."""
    bounds = [date.min, *_turns(name, taxonomy), date.max]
    for begin, end in pairwise(bounds):
        counts_as = taxonomy.name_on(name, begin) if name in taxonomy.events else name
        rule = taxonomy.events.get(counts_as)
        is_refused = rule is not None and any(taxonomy.is_refused(each, begin) for each in (name, counts_as))
        yield {
            "spelling": spelling,
            "event_name": counts_as,
            "marker": rule.marker if rule else "none",
            "is_core": rule.is_core if rule else False,
            "refusal": DEPRECATED_NAME if is_refused else None,
            "from_date": begin,
            "to_date": end,
        }


def _turns(name: str, taxonomy: Taxonomy) -> list[date]:
    """Event days on which something about the name changes, ascending."""
    rules = [taxonomy.events[each] for each in (taxonomy.successors(name) if name in taxonomy.events else ())]
    return sorted({day for rule in rules for day in (rule.deprecated_on, rule.refused_from) if day})


def _normalised(name: ir.StringValue) -> ir.StringValue:
    """The same as `uam_platform.policy.event_names.normalise`."""
    return name.lower().re_replace("[^a-z0-9]", "")
