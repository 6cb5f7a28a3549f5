"""What a resolution of identity keeps for the next one: what it had read, and what it need not find again.

Here: its parts, writing and reading them. Not here: what is done with them (`daily`).

It stands outside the tables because nobody else reads it and it can be thrown away: without it everything is resolved. It is used while
what it was made from is as it was: the code and the rules, what people took back, and the tables that it goes with.
"""

import hashlib
import json
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from uam_platform.contracts.tables import (
    AMBIGUOUS_IDENTIFIERS,
    EXCLUDED_ACCOUNTS,
    EXCLUDED_PEOPLE,
    HIERARCHY,
    IDENTITY_EVIDENCE,
    MEMBERSHIPS,
    MERGE_LOG,
    PEOPLE,
)
from uam_platform.identity.components_growth import Labels
from uam_platform.identity.exclusions import excluded_accounts
from uam_platform.lake.atomic import write_atomically
from uam_platform.lake.store import Lake
from uam_platform.policy.identity import IdentityPolicy
from uam_platform.policy.identity_exclusions import ExclusionPolicy

OUTPUTS: Final = (
    PEOPLE,
    MEMBERSHIPS,
    HIERARCHY,
    MERGE_LOG,
    AMBIGUOUS_IDENTIFIERS,
    EXCLUDED_PEOPLE,
    EXCLUDED_ACCOUNTS,
)
_POINTER: Final = "kept.json"
_FRAMES: Final = ("places", "changing", "records", "blocked")
_SAID: Final = [
    "retraction_id",
    "identifier_kind",
    "identifier_key",
    "linked_actor_key",
    "edge_change",
    "known_at",
    "known_date",
]


@dataclass(frozen=True)
class Kept:
    """What is kept.

    Attributes:
        made_by: fingerprint of code, rules and retractions, see `made_by`.
        evidence: version of every partition of `staging/identity_evidence` that was read.
        groups: group of every identifier.
        places: see `hierarchy.workspace_accounts`.
        changing: workspace: those that more than one account was claimed for.
        records: directory records, see `Directory`.
        blocked: blocked identifiers that evidence named: kind, identifier, reason, start.
    """

    made_by: str
    evidence: dict[str, str]
    groups: Labels
    places: pd.DataFrame
    changing: pd.DataFrame
    records: pd.DataFrame
    blocked: pd.DataFrame

    def save(self, folder: Path, outputs: dict[str, str]) -> None:
        """Write all below `folder`; a killed writer leaves what was there before.

        Args:
            folder: of the state.
            outputs: versions of the published tables that it goes with, see `versions`.
        """
        name = hashlib.sha256(json.dumps([self.made_by, self.evidence, outputs], sort_keys=True).encode()).hexdigest()
        target = folder / name[:24]
        target.mkdir(parents=True, exist_ok=True)
        frames = {"places": self.places, "changing": self.changing, "records": self.records, "blocked": self.blocked}
        pq.write_table(pa.table(self.groups._asdict()), target / "groups.parquet")
        for part, rows in frames.items():
            pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), target / f"{part}.parquet")
        told = {"folder": target.name, "made_by": self.made_by, "evidence": self.evidence, "outputs": outputs}
        write_atomically(folder / _POINTER, json.dumps(told, sort_keys=True))
        for other in folder.iterdir():
            if other.is_dir() and other != target:
                shutil.rmtree(other, ignore_errors=True)


def load(folder: Path, made_by: str, outputs: dict[str, str]) -> Kept | None:
    """What was kept, or None if it was made by other code or rules, or goes with other tables."""
    try:
        told = json.loads((folder / _POINTER).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if told["made_by"] != made_by or told["outputs"] != outputs:
        return None
    own = folder / told["folder"]
    labels = pq.read_table(own / "groups.parquet")
    frames = {part: pq.read_table(own / f"{part}.parquet").to_pandas() for part in _FRAMES}
    groups = Labels(*(labels[name].to_numpy() for name in Labels._fields))
    return Kept(made_by=made_by, evidence=told["evidence"], groups=groups, **frames)


def made_by(
    policy: IdentityPolicy,
    exclusions: ExclusionPolicy,
    id_spaces: Collection[str],
    grace: timedelta,
    retractions: pd.DataFrame | None,
    accounts: pd.DataFrame,
) -> str:
    """Fingerprint of all that an answer depends on beside evidence, directory, and parents of accounts.

    Which accounts are kept out is part of it, because that marks rows of people whom a day does not touch.
    """
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    said = [] if retractions is None else sorted(retractions[_SAID].astype(str).itertuples(index=False, name=None))
    listed = {account for rule in exclusions.rules.values() for account in rule.accounts}
    out = excluded_accounts(accounts, listed, exclusions).astype(str)
    said += sorted(out.itertuples(index=False, name=None))
    told = [
        policy.model_dump(mode="json"),
        exclusions.model_dump(mode="json"),
        sorted(set(id_spaces)),
        str(grace),
        said,
    ]
    contracts = [(c.name, c.version) for c in (*OUTPUTS, IDENTITY_EVIDENCE)]
    digest.update(json.dumps([told, contracts], sort_keys=True).encode())
    return digest.hexdigest()


def versions(lake: Lake) -> dict[str, str]:
    """Versions of the published identity tables."""
    pointers = {contract.name: lake.pointer(contract) for contract in OUTPUTS}
    return {name: pointer["version"] for name, pointer in pointers.items() if pointer}


def evidence_versions(lake: Lake) -> dict[str, str]:
    """Version of every published partition of the evidence."""
    pointers = ((key, lake.pointer(IDENTITY_EVIDENCE, key)) for key in lake.keys(IDENTITY_EVIDENCE))
    return {key: pointer["version"] for key, pointer in pointers if pointer}
