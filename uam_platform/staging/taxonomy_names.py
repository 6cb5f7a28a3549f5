"""Applies the event taxonomy to delivered names: canonical name, marker, or the reason why it is set aside.

Here: one small table of the distinct names in the data, judged once each, so that no pattern runs over every event. Not here:
the rules (`uam_platform.policy.taxonomy`), joining the verdict to events (`events`). Engine-neutral Ibis.
"""

from collections.abc import Mapping
from typing import Final

import ibis
import ibis.expr.types as ir

from uam_platform.policy.taxonomy import Taxonomy, normalise

CALL_NAMES: Final[Mapping[str, str]] = {
    "identify": "user_identified",
    "group": "workspace_joined",
    "alias": "user_aliased",
    "page": "page_viewed",
}
"""Calls that are an event by their kind; the name they may carry is a page title."""

UNKNOWN: Final = "unknown_name"
REJECTED: Final = "rejected_name"
_RULES: Final = ibis.schema({"spelling": "string", "event_name": "string", "marker": "string", "is_core": "boolean"})
_BITS: Final = ibis.schema({"spelling": "string", "feature_bits": "int64"})


def judged_names(names: ir.Table, taxonomy: Taxonomy) -> ir.Table:
    """What the taxonomy says about each name.

    Args:
        names: distinct `event_kind`, `event_name_source`.
        taxonomy: the company's rules. A listed name or synonym is accepted even where a rejected pattern matches it.

    Returns:
        `event_kind`, `event_name_source`, `event_name`, `marker`, `is_core` and `reason` (null where the name is accepted).
    """
    fixed = [f"call {kind}" for kind in CALL_NAMES]  # the blank keeps them apart from normalised names
    is_call = names.event_kind.isin(list(CALL_NAMES))
    spelling = ibis.ifelse(is_call, ibis.literal("call ") + names.event_kind, _normalised(names.event_name_source))
    listed = names.mutate(spelling=spelling)
    known = listed.left_join(_rules(taxonomy, fixed), "spelling")
    refused = ibis.literal(False)
    for pattern in taxonomy.rejected_patterns:
        refused = refused | known.event_name_source.re_search(pattern)
    unlisted = known.event_name.isnull()
    otherwise = ibis.null("string") if taxonomy.accept_unknown else ibis.literal(UNKNOWN)
    return known.select(
        "event_kind",
        "event_name_source",
        event_name=known.event_name.fill_null(known.event_name_source),
        marker=known.marker.fill_null("none"),
        is_core=known.is_core.fill_null(False),
        reason=ibis.cases((unlisted & refused, REJECTED), (unlisted, otherwise), else_=ibis.null("string")),
    )


def feature_bits(features: ir.Table, taxonomy: Taxonomy) -> ir.Table:
    """Bit of each distinct `feature`: its position in the taxonomy, whatever its spelling; unknown features are left out."""
    bits = {normalise(name): 1 << position for position, name in enumerate(taxonomy.features)}
    rows = [{"spelling": spelling, "feature_bits": bit} for spelling, bit in bits.items()]
    spelled = features.mutate(spelling=_normalised(features.feature))
    return spelled.inner_join(ibis.memtable(rows, schema=_BITS), "spelling").select("feature", "feature_bits")


def _rules(taxonomy: Taxonomy, calls: list[str]) -> ir.Table:
    spellings = [*taxonomy.canonical_names().items(), *zip(calls, CALL_NAMES.values(), strict=True)]
    rows = []
    for spelling, name in spellings:
        rule = taxonomy.events.get(name)
        marker, is_core = (rule.marker, rule.is_core) if rule else ("none", False)
        rows.append({"spelling": spelling, "event_name": name, "marker": marker, "is_core": is_core})
    return ibis.memtable(rows, schema=_RULES)


def _normalised(name: ir.StringValue) -> ir.StringValue:
    """The same as `uam_platform.policy.taxonomy.normalise`."""
    return name.lower().re_replace("[^a-z0-9]", "")
