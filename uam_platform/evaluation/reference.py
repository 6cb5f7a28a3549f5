"""The reference learner R: what our feature contract gives to one who has seen many more accounts than a company has.

Here: the shipped artefact, whether it fits a run, and its scores. Not here: how it is made (`reference_training`, `uam reference`), the
worlds it learns from (`reference_worlds`). No stage of the pipeline may read it: it knows other companies of the same simulator.

R is one LightGBM model on every model input that the platform defines, trained on the outcomes that a platform would have seen in
worlds of other seeds. It is valid for one feature contract, one world version and one difficulty; anything else is refused in words.
"""

import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from uam_platform.churn.features import DEFINITIONS, DEFINITIONS_VERSION, matrix
from uam_platform.contracts.tables import ACCOUNT_FEATURES
from uam_platform.evaluation.resampling import Values
from uam_platform.lake.atomic import write_atomically
from uam_platform.policy.churn import Codes
from uam_platform.policy.rulebook import load_rulebook

SHIPPED: Final = Path(__file__).parent / "reference_models"
MODEL_FILE: Final = "model.txt.gz"
CARD_FILE: Final = "card.json"


class ReferenceError(ValueError):
    """There is no R for this run; the message says why and how to make one."""


@dataclass(frozen=True)
class Card:
    """What R is: published beside every number that uses it.

    Attributes:
        sha256: of the model text.
        feature_contract_id: see `feature_contract_id`.
        world_version: of the worlds it learned from.
        difficulty: of the worlds.
        seeds: of the worlds; none of them may be evaluated with R.
        accounts: distinct accounts in training.
        churned_accounts: distinct accounts with a churned week in training.
        rows: account-weeks in training, before thinning.
        inputs: model inputs in order.
        codes: order of the categories.
        parameters: of LightGBM, as chosen by cross-validation over accounts.
        cross_validated: metrics of the choice: log loss, ROC-AUC and average precision per candidate.
        lightgbm_version: library that trained it.
    """

    sha256: str
    feature_contract_id: str
    world_version: str
    difficulty: str
    seeds: tuple[int, ...]
    accounts: int
    churned_accounts: int
    rows: int
    inputs: tuple[str, ...]
    codes: Mapping[str, Sequence[str]]
    parameters: Mapping[str, Any]
    cross_validated: Sequence[Mapping[str, Any]]
    lightgbm_version: str

    @property
    def summary(self) -> str:
        """Hash and extent in one line."""
        return (
            f"{self.sha256[:16]}, {self.accounts:,} accounts ({self.churned_accounts:,} churned) of {len(self.seeds)} worlds "
            f"{self.world_version}, {self.difficulty}, seeds {min(self.seeds)} to {max(self.seeds)}"
        )

    def to_json(self) -> str:
        """Canonical JSON."""
        return json.dumps(asdict(self), sort_keys=True, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Card":
        """The card that `to_json` wrote."""
        said = json.loads(text)
        return cls(**{**said, "seeds": tuple(said["seeds"]), "inputs": tuple(said["inputs"])})


@dataclass(frozen=True)
class Reference:
    """A loaded R."""

    card: Card
    model: str

    def scores(self, features: pd.DataFrame) -> Values:
        """Churn probability per row of account_features."""
        if features.empty:
            return np.zeros(0)
        inputs = matrix(features, self.card.inputs, Codes.model_validate(self.card.codes)).to_numpy(dtype=np.float64)
        return np.asarray(_booster(self.model).predict(inputs, num_threads=1), dtype=np.float64)


def input_names() -> tuple[str, ...]:
    """Every model input that the platform defines, used by its own models or not."""
    return tuple([*sorted(DEFINITIONS), *(f"{column}_code" for column in Codes.model_fields)])


def shipped_codes() -> Codes:
    """Order of the categories in the shipped rulebook."""
    return load_rulebook().churn.codes


def all_inputs(features: pd.DataFrame, codes: Codes | None = None) -> pd.DataFrame:
    """All model inputs of account_features rows."""
    return matrix(features, input_names(), codes or shipped_codes())


def feature_contract_id(codes: Codes | None = None) -> str:
    """Hash (16 hex digits) of what R expects of a run: columns and version of account_features, inputs, their version, category codes."""
    said = {
        "contract": [ACCOUNT_FEATURES.version, [[c.name, c.type.value, c.unit] for c in ACCOUNT_FEATURES.columns]],
        "inputs": input_names(),
        "definitions": DEFINITIONS_VERSION,
        "codes": (codes or shipped_codes()).model_dump(mode="json"),
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def folder_of(world_version: str, difficulty: str, base: Path = SHIPPED) -> Path:
    """Where R of a world version and difficulty lies."""
    return base / f"{world_version}-{difficulty}"


def store(folder: Path, reference: Reference) -> None:
    """Write model and card."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / MODEL_FILE, gzip.compress(reference.model.encode(), 9, mtime=0))
    write_atomically(folder / CARD_FILE, reference.card.to_json().encode())


def load(folder: Path) -> Reference:
    """R of a folder.

    Raises:
        ReferenceError: there is none, or the model is not the one that its card describes.
    """
    card_file, model_file = folder / CARD_FILE, folder / MODEL_FILE
    if not card_file.exists() or not model_file.exists():
        raise ReferenceError(f"no reference learner in {folder}; make one with `uam reference`")
    card = Card.from_json(card_file.read_text(encoding="utf-8"))
    model = gzip.decompress(model_file.read_bytes()).decode()
    found = hashlib.sha256(model.encode()).hexdigest()
    if found != card.sha256:
        raise ReferenceError(f"{model_file} has hash {found[:16]}, its card says {card.sha256[:16]}: make it anew")
    return Reference(card, model)


def reference_for(world: Mapping[str, Any], base: Path = SHIPPED) -> Reference:
    """R for a run of the world described by `world.json`.

    Raises:
        ReferenceError: none was made for this world version, difficulty or feature contract, or it learned from this very seed.
    """
    version, difficulty, seed = str(world["world_version"]), str(world["difficulty"]), int(world["seed"])
    remedy = f"rebuild it with `uam reference --difficulty {difficulty}`"
    folder = folder_of(version, difficulty, base)
    if not folder.is_dir():
        raise ReferenceError(f"no reference learner for worlds {version}, difficulty {difficulty}; {remedy}")
    found = load(folder)
    wanted = feature_contract_id()
    if found.card.feature_contract_id != wanted:
        raise ReferenceError(
            f"the reference learner was built for feature contract {found.card.feature_contract_id}, this run has {wanted}; {remedy}"
        )
    if (found.card.world_version, found.card.difficulty) != (version, difficulty):
        raise ReferenceError(
            f"the reference learner in {folder.name} learned from worlds {found.card.world_version}, {found.card.difficulty}; {remedy}"
        )
    if seed in found.card.seeds:
        raise ReferenceError(
            f"seed {seed} is one of the worlds that the reference learner was trained on: evaluate another seed"
        )
    return found


@lru_cache(maxsize=2)
def _booster(text: str) -> Any:
    import lightgbm

    return lightgbm.Booster(model_str=text)
