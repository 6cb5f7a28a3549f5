"""Components of edges that do not fit into memory, on a real Spark: the same as SciPy's.

Runs where the extra `spark` is installed and Java is at hand; elsewhere only the compiled expressions are tested (`test_components`).
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from uam_platform.identity.components_at_scale import components_at_scale, kept_in

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """A Spark of this process, with one core."""
    sql = pytest.importorskip("pyspark.sql", reason="the extra `spark` is not installed")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    options = {"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2", "spark.driver.memory": "1g"}
    builder = sql.SparkSession.builder.master("local[1]")
    for name, value in options.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield ibis.pyspark.connect(session)
    session.stop()


@pytest.mark.parametrize("seed", [1, 2])
def test_components_on_spark_are_those_of_scipy(spark: Any, tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    ends = random.integers(0, 300, (150, 2))
    keys = random.choice(2**62, 300, replace=False)
    pd.DataFrame({"left": keys[ends[:, 0]], "right": keys[ends[:, 1]]}).to_parquet(tmp_path / "edges.parquet")
    edges = spark.read_parquet(str(tmp_path / "edges.parquet"))
    found = components_at_scale(edges, kept_in(spark, tmp_path)).to_pandas().set_index("key")["label"]
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(300, 300))
    group = pd.Series(connected_components(graph, directed=False)[1])
    named = np.unique(ends)
    least = pd.Series(keys[named]).groupby(group[named].to_numpy()).transform("min")
    expected = dict(zip(keys[named], least, strict=True))
    assert found.to_dict() == expected
    assert len(set(expected.values())) > 20
