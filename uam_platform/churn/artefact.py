"""A trained model as bytes, and back.

Here: what an artefact holds, its canonical form and its id. Not here: how it is trained (`train`), where it is kept (`registry`).
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from uam_platform.churn.baseline import ContractHazard, Hazard
from uam_platform.churn.calibration import Calibration
from uam_platform.churn.ladder import Rung
from uam_platform.churn.rules import DeclaredIndex, Tilt
from uam_platform.policy.churn import Codes, ContractCells


@dataclass(frozen=True)
class Artefact:
    """Everything a score needs, so that an old snapshot can be scored again under a newer rulebook.

    Attributes:
        rung: step of the ladder.
        fold: account fold it was not trained on and may score.
        features: model inputs in order; empty without trees.
        feature_contract_id: hash of that list.
        codes: category order the inputs were coded with.
        cells: cells of the contract hazard.
        hazard: contract baseline, on every rung.
        calibration: map of margins to log odds.
        trees: LightGBM model texts; the margin is the mean of what each adds to the log odds of its own hazard.
        tree_hazards: per tree text the contract hazard it started from, learned on the same rows.
        tilt: what the declared index adds to the contract hazard; nothing with trees.
    """

    rung: Rung
    fold: int
    features: tuple[str, ...]
    feature_contract_id: str
    codes: Codes
    cells: ContractCells
    hazard: ContractHazard
    calibration: Calibration
    trees: tuple[str, ...] = ()
    tree_hazards: tuple[ContractHazard, ...] = ()
    tilt: Tilt = field(default_factory=Tilt)

    def to_bytes(self) -> bytes:
        """Canonical JSON: equal artefacts give equal bytes."""
        said = {
            "rung": self.rung,
            "fold": self.fold,
            "features": self.features,
            "feature_contract_id": self.feature_contract_id,
            "codes": self.codes.model_dump(mode="json"),
            "cells": self.cells.model_dump(mode="json"),
            "hazard": asdict(self.hazard),
            "calibration": asdict(self.calibration),
            "trees": self.trees,
            "tree_hazards": [asdict(hazard) for hazard in self.tree_hazards],
            "tilt": asdict(self.tilt),
        }
        return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Artefact":
        """The artefact that `to_bytes` wrote."""
        said = json.loads(content)
        calibration = said["calibration"]
        return cls(
            rung=said["rung"],
            fold=said["fold"],
            features=tuple(said["features"]),
            feature_contract_id=said["feature_contract_id"],
            codes=Codes.model_validate(said["codes"]),
            cells=ContractCells.model_validate(said["cells"]),
            hazard=_hazard(said["hazard"]),
            calibration=Calibration(
                **{**calibration, "knots": tuple(calibration["knots"]), "levels": tuple(calibration["levels"])}
            ),
            trees=tuple(said["trees"]),
            tree_hazards=tuple(_hazard(one) for one in said["tree_hazards"]),
            tilt=_tilt(said["tilt"]) if "tilt" in said else Tilt(),  # models of older registries have none
        )


def model_id(content: bytes) -> str:
    """Content hash of an artefact: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(content).hexdigest()[:16]


def _tilt(said: dict[str, Any]) -> Tilt:
    index = said["index"]
    inputs, centres, spreads, weights = (tuple(index[name]) for name in ("inputs", "centres", "spreads", "weights"))
    return Tilt(DeclaredIndex(inputs, centres, spreads, weights, index["centre"]), said["slope"], said["shift"])


def _hazard(said: dict[str, Any]) -> ContractHazard:
    return ContractHazard(
        Hazard(**said["overall"]),
        {k: Hazard(**v) for k, v in said["periods"].items()},
        {k: Hazard(**v) for k, v in said["cells"].items()},
    )
