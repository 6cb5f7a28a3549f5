"""Sets of product features held as one integer, a bit per taxonomy feature.

Here: uniting such sets and taking them apart. Not here: which bit is which feature (`uam_platform.policy.taxonomy`).
"""

from typing import Final

import ibis
import ibis.expr.types as ir
import pandas as pd

FEATURE_LIMIT: Final = 62  # the taxonomy allows no more, so that a set stays a positive 64-bit integer


@ibis.udf.agg.builtin
def bit_or(bits: int) -> int:
    """Union of bit sets: the BIT_OR aggregate that DuckDB and Spark share; Ibis' own is not defined for Spark."""
    raise NotImplementedError


def features_of(sets: ir.Table) -> ir.Table:
    """`sets` with one row per feature in `feature_bits`, named by its position in `feature_no`."""
    known = ibis.memtable(
        pd.DataFrame({"feature_no": range(FEATURE_LIMIT), "bit": [1 << n for n in range(FEATURE_LIMIT)]})
    )
    pairs = sets.filter(sets.feature_bits != 0).cross_join(known)
    return pairs.filter((pairs.feature_bits & pairs.bit) != 0).drop("bit", "feature_bits")
