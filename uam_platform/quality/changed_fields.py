"""Fields of a source that are new, gone or of another kind, as its connector noticed them while reading.

Here: what connectors told of their loads, as days that stand out. Not here: noticing (`uam_platform.connectors.field_drift`).
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import pandas as pd

from uam_platform.lake.loads import Load
from uam_platform.policy.quality import QualityPolicy
from uam_platform.quality.missing_tellings import HIT

SHOWN_DAYS: Final = 7
"""A change is told for a week: after that the fields are as they are."""


def changed_fields(loads: Sequence[Load], last_day: date, policy: QualityPolicy) -> pd.DataFrame:
    """What stands out on each snapshot day; columns `missing_tellings.HIT`.

    Args:
        loads: complete loads.
        last_day: the last snapshot day.
        policy: how long is looked back.
    """
    first = last_day - timedelta(days=policy.looked_back_days)
    hits = []
    for load in loads:
        loaded = load.loaded_time.date()
        days = [loaded + timedelta(days=n) for n in range(SHOWN_DAYS)]
        for said in load.drift if loaded >= first else ():
            stream, _, change = said.partition(": ")
            hits += [
                {
                    "as_of": day, "finding_kind": "field_changed", "source": load.source, "finding_subject": stream,
                    "finding_part": change, "since_date": loaded, "affected_count": sum(load.rows.values()),
                    "size_ratio": 1.0, "severity": "notable", "is_clear": True,
                    "facts": {"said": f"{said} ({load.load_id}). Look whether what reads it still finds what it needs."},
                }
                for day in days
                if day <= last_day
            ]  # fmt: skip
    return pd.DataFrame(hits, columns=HIT)
