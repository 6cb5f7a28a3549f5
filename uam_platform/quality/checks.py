"""Findings on the data as checks of their own, each visible where people look at assets; they warn and stop nothing.

Here: which kinds of findings a check speaks for, and what it shows. Not here: the findings (`findings`), telling anybody (`news`). All
checks read the finding table once, so that a run has one record per check and nothing is judged twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import dagster as dg
import pandas as pd

from uam_platform.contracts.tables import QUALITY_FINDINGS
from uam_platform.lake.io_manager import markdown_table
from uam_platform.lake.resource import Warehouse
from uam_platform.orchestration.assets import asset_key

_SHOWN: Final = 10
_TOLD: Final = 3
_COLUMNS: Final = [
    "source",
    "finding_subject",
    "finding_part",
    "since_date",
    "severity",
    "affected_count",
    "finding_text",
]


@dataclass(frozen=True)
class Watch:
    """What one check speaks for.

    Attributes:
        name: of the check.
        kinds: kinds of findings.
        says: what holds while it passes.
        look: command or place where a person goes on.
    """

    name: str
    kinds: tuple[str, ...]
    says: str
    look: str


WATCHES: Final = (
    Watch(
        "sources_are_fresh", ("silent_source",), "Every source goes on telling: none is silent for longer than it ever was.",
        "uam doctor",
    ),
    Watch(
        "volume_is_as_expected", ("volume",), "Every source delivers about as much as on the same weekday of the weeks before.",
        "the quality report under data/reviews",
    ),
    Watch(
        "fields_keep_their_values", ("missing_values", "wrong_type"), "No field is missing more often, or of another type, than before.",
        "uam quarantine --reason wrong_type",
    ),
    Watch(
        "event_names_stay", ("new_event_name", "vanished_event_name"), "No event name is new or has vanished.", "uam taxonomy lint",
    ),
    Watch(
        "schemas_stay", ("field_changed",), "No source has new, dropped or changed fields.", "docs/connectors.md",
    ),
    Watch(
        "clients_tell_what_servers_tell", ("blocked_tracking", "front_end_drift"),
        "No browser and no app version loses client events that servers tell of.", "the quality report under data/reviews",
    ),
    Watch(
        "sources_agree_on_order", ("source_order",), "No source's clock stands apart, and nothing ends before it starts.",
        "the quality report under data/reviews",
    ),
)  # fmt: skip


def finding_checks() -> dg.AssetChecksDefinition:
    """One warning check per `Watch`, over the findings that are open."""
    key = asset_key(QUALITY_FINDINGS)

    @dg.multi_asset_check(
        name="data_stays_as_it_was",
        specs=[dg.AssetCheckSpec(watch.name, asset=key, description=f"{watch.says} (R76, R81)") for watch in WATCHES],
    )
    def data_stays_as_it_was(warehouse: Warehouse):  # type: ignore[no-untyped-def]
        found = warehouse.lake.read(warehouse.connection, QUALITY_FINDINGS).to_pandas()
        yield from judged(found)

    return data_stays_as_it_was


def judged(found: pd.DataFrame) -> Iterator[dg.AssetCheckResult]:
    """The result of every check.

    Args:
        found: QUALITY_FINDINGS; a finding without `resolved_date` is open.
    """
    for watch in WATCHES:
        mine = found[found["finding_kind"].isin(watch.kinds)]
        still = mine[mine["resolved_date"].isna()].sort_values(["severity", "first_seen_date"], ascending=False)
        yield dg.AssetCheckResult(
            asset_key=asset_key(QUALITY_FINDINGS),
            check_name=watch.name,
            passed=still.empty,
            severity=dg.AssetCheckSeverity.WARN,
            description=_words(still, watch),
            metadata=_metadata(mine, still, watch),
        )


def _words(still: pd.DataFrame, watch: Watch) -> str:
    if still.empty:
        return watch.says
    texts = [
        " ".join(filter(None, (row["source"], row["finding_subject"], row["finding_text"])))
        for row in still.to_dict("records")
    ]
    more = f" And {len(texts) - _TOLD} more." if len(texts) > _TOLD else ""
    return " ".join(texts[:_TOLD]) + more


def _metadata(mine: pd.DataFrame, still: pd.DataFrame, watch: Watch) -> dict[str, Any]:
    by_source = {str(name) or "all sources": int(count) for name, count in still["source"].value_counts().items()}
    return {
        "open": len(still),
        "serious": int((still["severity"] == "serious").sum()),
        "resolved": len(mine) - len(still),
        "oldest_since": str(still["since_date"].min())[:10] if len(still) else "",
        "by_source": dg.MetadataValue.json(by_source),
        "owner": ", ".join(sorted(set(still["duty_owner"].astype(str)))),
        "look_with": watch.look,
        "findings": dg.MetadataValue.md(markdown_table(still[_COLUMNS].head(_SHOWN)) if len(still) else "none"),
    }
