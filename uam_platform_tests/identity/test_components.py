"""Components of edges: one answer from every way to find them, and labels that survive growth."""

from pathlib import Path

import ibis
import networkx as nx
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from uam_platform.identity.components import _CHUNK, Finder, components, distinct, least_nodes
from uam_platform.identity.components_at_scale import _large_star, _small_star, components_at_scale, kept_in
from uam_platform.identity.components_growth import Growing
from uam_platform.identity.intervals import FOREVER
from uam_platform.identity.persons import person_history

Ints = npt.NDArray[np.int64]
LAW = settings(max_examples=80, derandomize=True, deadline=None)
seeds = st.integers(0, 2**32 - 1)
SCRAMBLE = np.int64(2862933555777941757)


def graph(seed: int, size: int, count: int) -> tuple[Ints, Ints]:
    """Edges between `size` keys spread over 63 bits; sparse and dense parts, loops and repetitions."""
    note(f"graph({seed}, {size}, {count})")
    rng = np.random.default_rng(seed)
    keys = rng.integers(1, 2**62, size)
    left = rng.integers(0, size, count)
    right = np.where(rng.random(count) < 0.5, np.minimum(left + 1, size - 1), rng.integers(0, size, count))
    return keys[left], keys[right]


def by_networkx(left: Ints, right: Ints) -> dict[int, int]:
    plain = nx.Graph()
    plain.add_edges_from(zip(left.tolist(), right.tolist(), strict=True))
    return {key: min(part) for part in nx.connected_components(plain) for key in part}


def by_scipy(left: Ints, right: Ints) -> dict[int, int]:
    keys, codes = np.unique(np.concatenate([left, right]), return_inverse=True)
    matrix = coo_array((np.ones(len(left)), (codes[: len(left)], codes[len(left) :])), shape=(len(keys), len(keys)))
    label = connected_components(matrix, directed=False)[1]
    _, first = np.unique(label, return_index=True)
    return dict(zip(keys.tolist(), keys[first[label]].tolist(), strict=True))


def ours(left: Ints, right: Ints) -> dict[int, int]:
    found = components(left, right)
    return dict(zip(found.keys.tolist(), found.labels.tolist(), strict=True))


@LAW
@given(seeds, st.integers(1, 80), st.integers(0, 90))
def test_components_are_those_of_networkx_and_scipy(seed: int, size: int, count: int) -> None:
    left, right = graph(seed, size, count)
    assert ours(left, right) == by_networkx(left, right)
    assert count == 0 or by_scipy(left, right) == by_networkx(left, right)


@LAW
@given(seeds, st.integers(1, 60), st.integers(0, 60))
def test_order_direction_and_repetition_of_edges_do_not_matter(seed: int, size: int, count: int) -> None:
    left, right = graph(seed, size, count)
    order = np.random.default_rng(seed).permutation(count)
    again = ours(np.concatenate([right[order], left]), np.concatenate([left[order], right]))
    assert again == ours(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param(np.full(999, 999), np.arange(999), id="star around the largest"),
        pytest.param(np.zeros(999, dtype=np.int64), np.arange(1, 1000), id="star around the least"),
        pytest.param(np.arange(999), np.arange(1, 1000), id="path"),
        pytest.param(np.arange(999) * 7 % 1000, np.arange(1, 1000) * 7 % 1000, id="path in wild order"),
        pytest.param(np.arange(1000), np.roll(np.arange(1000), 1), id="ring"),
    ],
)
def test_shapes_that_are_slow_for_naive_hooking_are_one_component(left: Ints, right: Ints) -> None:
    assert not least_nodes(1000, left, right).any()


@pytest.mark.parametrize("size", [1_000, 150_000, 400_000, 900_000])
def test_a_graph_of_many_chunks_has_the_components_of_scipy(size: int) -> None:
    rng = np.random.default_rng(size)
    keys, count = rng.integers(1, 2**62, size), 450_000  # several chunks, the last one not full
    assert count > 3 * _CHUNK
    left = rng.integers(0, size, count)
    ends = keys[left], keys[np.minimum(left + rng.integers(0, 3, count), size - 1)]
    assert ours(*ends) == by_scipy(*ends)


def test_keys_that_share_their_slots_are_found_all_the_same() -> None:
    codes = distinct(
        np.concatenate([np.arange(500, dtype=np.uint64), np.uint64(2**63) + np.arange(5, dtype=np.uint64)])
    )
    assert (Finder(codes)(codes[::-1]) == np.arange(len(codes))[::-1]).all()


@settings(max_examples=6, derandomize=True, deadline=None)
@given(seeds, st.integers(1, 300), st.integers(1, 300))
def test_large_and_small_stars_give_the_same_components(
    tmp_path_factory: pytest.TempPathFactory, seed: int, size: int, count: int
) -> None:
    left, right = graph(seed, size, count)
    assert by_stars(tmp_path_factory.mktemp("rounds"), left, right) == by_networkx(left, right)


def test_stars_of_a_long_path_take_few_rounds(tmp_path: Path) -> None:
    left = np.arange(1, 2000) * SCRAMBLE >> 1 & 2**62 - 1
    right = np.arange(2, 2001) * SCRAMBLE >> 1 & 2**62 - 1
    assert by_stars(tmp_path, left, right) == by_networkx(left, right)
    assert len(list(tmp_path.glob("*.parquet"))) <= 2 * 12 + 1


def by_stars(folder: Path, left: Ints, right: Ints) -> dict[int, int]:
    connection = ibis.duckdb.connect()
    edges = connection.create_table("edges", pd.DataFrame({"left": left, "right": right}))
    found = components_at_scale(edges, kept_in(connection, folder)).to_pandas()
    assert not found["key"].duplicated().any()
    return dict(zip(found["key"].tolist(), found["label"].tolist(), strict=True))


@pytest.mark.parametrize("dialect", ["duckdb", "pyspark"])
@pytest.mark.parametrize("step", [_large_star, _small_star])
def test_the_steps_of_a_round_compile(step: object, dialect: str) -> None:
    rows = ibis.table({"high": "int64", "low": "int64"}, name="rows_of_a_round")
    assert "rows_of_a_round" in ibis.to_sql(step(rows), dialect=dialect)  # type: ignore[operator]


@settings(max_examples=25, derandomize=True, deadline=None)
@given(seeds, st.integers(2, 60), st.integers(1, 6))
def test_one_day_more_changes_exactly_what_the_full_resolution_changes(seed: int, size: int, days: int) -> None:
    rng = np.random.default_rng(seed)
    note(f"default_rng({seed}), {size} keys, {days} days")
    keys, grown, so_far = rng.integers(1, 2**62, size), Growing(), pd.DataFrame()
    for day in range(days):
        left, right = keys[rng.integers(0, size, (2, rng.integers(0, size // 2 + 1)))]
        so_far = pd.concat([so_far, pd.DataFrame({"left": left, "right": right, "start": day, "end": FOREVER})])
        before = as_dict(grown)
        changed = grown.changes(left, right, day)
        assert as_dict(grown) == before, "telling what changes must change nothing"
        grown.keep(changed)
        full = by_persons(so_far)
        assert as_dict(grown) == full
        told = dict(zip(changed.keys.tolist(), changed.labels.tolist(), strict=True))
        assert told == {key: label for key, label in full.items() if before.get(key) != label}
        survive_growth(before, full)


def as_dict(grown: Growing) -> dict[int, int]:
    rows = grown.labels()
    return dict(zip(rows.keys.tolist(), rows.labels.tolist(), strict=True))


def by_persons(edges: pd.DataFrame) -> dict[int, int]:
    """The person of every user id after all days, as the platform resolves it."""
    ends = pd.concat([edges["left"], edges["right"]])
    known = pd.concat([edges["start"], edges["start"]]).groupby(ends.to_numpy()).min()
    users = pd.DataFrame({"key": known.index, "known": known.to_numpy()})
    history = person_history(users, edges)
    today = history[history["end"] == FOREVER]
    return dict(zip(today["user"].tolist(), today["person"].tolist(), strict=True))


def survive_growth(before: dict[int, int], after: dict[int, int]) -> None:
    """A component keeps its label unless it was joined to an older one, whose label is then the label of all."""
    heirs: dict[int, set[int]] = {}
    for label in set(before.values()):
        heirs.setdefault(after[label], set()).add(label)
    for heir, joined in heirs.items():
        assert heir in joined, "a component that existed lost its label to a newcomer"
