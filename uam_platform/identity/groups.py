"""Groups of identifiers that any chain of evidence connects: what can be resolved apart from all else.

Here: which identifiers occur together, groups of all of them, and the evidence of some groups. Not here: who is one person
(`persons`: a group may hold many strangers who share a device), which groups a day touches (`daily`).

A group is at least as wide as anything that one identifier's answer depends on, so resolving whole groups apart gives the rows that
resolving everything gives. Workspaces are left out: their accounts are found first (`hierarchy`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from ibis.backends.duckdb import Backend

from uam_platform.identity.components import Ints, components
from uam_platform.identity.components_at_scale import components_at_scale, kept_in
from uam_platform.identity.components_growth import Labels
from uam_platform.identity.directory import Directory
from uam_platform.identity.usable import Usable
from uam_platform.temporal.keys import NO_KEY

_KEYS: Final = ("actor_key", "device_key", "linked_actor_key", "linked_user_key", "email_key")
_RECORD: Final = ("user", "email", "device")


def edges(evidence: ir.Table, records: Directory) -> ir.Table:
    """Which identifiers occur together: left, right, distinct; an identifier that occurs alone is tied to itself.

    Args:
        evidence: rows of `staging/identity_evidence` without blocked values.
        records: directory records.
    """
    first = _first_key(evidence)
    rows = evidence.filter(first.notnull())
    parts = [rows.select(left=_first_key(rows), right=rows[name]) for name in _KEYS]
    told = _of_records(records)
    parts.append(ibis.memtable(pa.table({"left": told[0], "right": told[1]})))
    both = ibis.union(*parts)
    return both.filter(both.right.notnull(), both.right != NO_KEY).distinct()


def _of_records(records: Directory) -> tuple[Ints, Ints]:
    keys = records.records[[*_RECORD]].to_numpy(np.int64).reshape(-1, len(_RECORD))
    keys = keys[(keys != NO_KEY).any(axis=1)]
    first = keys[np.arange(len(keys)), (keys != NO_KEY).argmax(axis=1)] if len(keys) else np.empty(0, dtype=np.int64)
    return np.repeat(first, len(_RECORD)), keys.ravel()


def _first_key(rows: ir.Table) -> ir.Value:
    return ibis.coalesce(*(rows[name].nullif(NO_KEY) for name in _KEYS))


@dataclass(frozen=True)
class Grouped:
    """Groups of identifiers.

    Attributes:
        labels: the group of every identifier, called by its least key.
        fits: the edges were few enough for memory.
    """

    labels: Labels
    fits: bool


def groups(connection: Backend, found: ir.Table, most_in_memory: int, folder: Path) -> Grouped:
    """Groups of identifiers.

    Args:
        connection: engine.
        found: see `edges`.
        most_in_memory: beyond so many edges the engine finds the groups, which spills to disk and takes longer.
        folder: for the rounds of the engine.
    """
    kept = connection.create_table("identity_edges", found, temp=True, overwrite=True)
    fits = kept.count().to_pyarrow().as_py() <= most_in_memory
    if fits:
        ends = kept.to_pyarrow()
        told = components(ends["left"].to_numpy(), ends["right"].to_numpy())
        labels = _labels(told.keys, told.labels)
    else:
        rows = components_at_scale(kept, kept_in(connection, folder)).to_pyarrow()
        labels = _labels(rows["key"].to_numpy(), rows["label"].to_numpy())
    connection.drop_table("identity_edges")
    return Grouped(labels, fits)


def shares_of(given: Usable, labels: Labels, most: int) -> Iterator[Usable]:
    """Evidence and records in shares of whole groups, each of about `most` identifiers, one after the other."""
    count = -(-len(labels.keys) // most)
    for share in range(count):
        keys = labels.keys[labels.labels % count == share]
        yield replace(given, evidence=of_groups(given.evidence, keys), records=records_of(given.records, keys))


def _labels(keys: Ints, labels: Ints) -> Labels:
    """Labels in their order; all are known since the first day, so that the least key is what a group is called by."""
    order = np.argsort(keys)
    return Labels(keys[order], np.zeros(len(keys), dtype=np.int64), labels[order])


def having(evidence: ir.Table, keys: Ints) -> ir.Table:
    """Rows that name one of the identifiers, whatever else they name."""
    wanted = ibis.memtable(pa.table({"key": keys}))
    is_any = [evidence[name].isin(wanted.key) for name in _KEYS]
    return evidence.filter(ibis.or_(*is_any))


def of_groups(evidence: ir.Table, keys: Ints) -> ir.Table:
    """Rows without blocked values whose identifiers are among `keys`, which are those of whole groups."""
    wanted = ibis.memtable(pa.table({"key": keys}))
    return evidence.filter(_first_key(evidence).isin(wanted.key))


def records_of(records: Directory, keys: Ints) -> Directory:
    """Records whose identifiers are among `keys`, which are those of whole groups."""
    return Directory(records.records[records.records[[*_RECORD]].isin(keys).any(axis=1)])
