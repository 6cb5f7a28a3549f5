"""Keeps model artefacts by content hash and says which one serves a snapshot.

Here: writing and reading artefact files (gzip; the hash is of the content inside), rows of the models table. Not here: training
(`train`), the table's storage (the lake).
"""

import gzip
import zlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pandas as pd

from uam_platform.churn.artefact import Artefact, model_id
from uam_platform.churn.days import as_day, as_days
from uam_platform.churn.promotion import Comparison
from uam_platform.churn.train import TrainedFold
from uam_platform.lake.atomic import write_atomically

_LOSSES = ("champion_loss", "challenger_loss", "loss_difference_low", "loss_difference_high")


class ModelStoreError(RuntimeError):
    """An artefact is missing or not what its name says."""


def store(folder: Path, trained: Sequence[TrainedFold]) -> list[Path]:
    """Write the artefacts under `folder`; one that is there already stays as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(folder / f"{fold.model_id}.json.gz", fold.content) for fold in trained]


def load(folder: Path, identifier: str) -> Artefact:
    """The artefact with this model_id.

    Raises:
        ModelStoreError: no such file, or its content has another hash.
    """
    path = folder / f"{identifier}.json.gz"
    try:
        content = gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        raise ModelStoreError(f"{path}: model artefact is missing; train the snapshot that lists it again") from None
    except (OSError, EOFError, zlib.error) as error:
        raise ModelStoreError(f"{path}: cannot be read ({error}); delete the file and train again") from error
    if model_id(content) != identifier:
        raise ModelStoreError(f"{path}: content has hash {model_id(content)}; delete the file and train again")
    return Artefact.from_bytes(content)


def model_rows(trained: Sequence[TrainedFold], compared: Comparison | None = None) -> pd.DataFrame:
    """Rows of the models table (models contract), one per fold; `compared` with the model that served, None where there is none."""
    rows = [
        {
            "as_of": as_day(fold.as_of),
            "fold": fold.fold,
            "model_id": fold.model_id,
            "model_rung": fold.artefact.rung,
            "feature_contract_id": fold.artefact.feature_contract_id,
            "calibration": fold.artefact.calibration.kind,
            "trained_label_to_at": fold.trained_label_to,
            "training_row_count": fold.row_count,
            "training_churned_account_count": fold.churned_account_count,
            "behaviour_skill_ratio": fold.gate.skill if fold.gate else None,
            "behaviour_null_ratio": fold.gate.bound if fold.gate else None,
            "is_promoted": compared is None or compared.is_promoted,
            "champion_as_of": compared.champion_as_of if compared else None,
            "champion_loss": compared.champion_loss if compared else None,
            "challenger_loss": compared.challenger_loss if compared else None,
            "loss_difference_low": compared.low if compared else None,
            "loss_difference_high": compared.high if compared else None,
            "judged_churned_account_count": compared.churned_accounts if compared else None,
        }
        for fold in trained
    ]
    frame = pd.DataFrame(rows)
    kinds = {
        "trained_label_to_at": "datetime64[us]",
        "behaviour_skill_ratio": "float64",
        "behaviour_null_ratio": "float64",
        "is_promoted": "boolean",
        "judged_churned_account_count": "Int64",
        **dict.fromkeys(_LOSSES, "float64"),
    }
    return frame.astype(kinds)


def serving(models: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Rows of the models that serve a snapshot: those of the latest training day that is not after it and was promoted.

    Raises:
        ModelStoreError: nothing was trained by then.
    """
    promoted = models.loc[is_promoted(models)]
    days = as_days(promoted["as_of"])
    past = days[days <= as_day(as_of)]
    if past.empty:
        raise ModelStoreError(f"no model serves {as_of}; train one with as_of on or before that day")
    return promoted.loc[days == past.max()].sort_values("fold", ignore_index=True)


def is_promoted(models: pd.DataFrame) -> pd.Series:
    """Which rows may serve; those of before models were compared do."""
    if "is_promoted" not in models:
        return pd.Series(True, index=models.index)
    return models["is_promoted"].astype("boolean").fillna(True).astype(bool)


def is_training_day(models: pd.DataFrame, as_of: date, every_weeks: int) -> bool:
    """Whether new models are due at `as_of`: none yet, or the latest are `every_weeks` old. False where `as_of` has its own."""
    days = as_days(models["as_of"])
    past = days[days <= as_day(as_of)]
    return past.empty or as_day(as_of) - past.max() >= pd.Timedelta(weeks=every_weeks)


def _write(path: Path, content: bytes) -> Path:
    packed = gzip.compress(content, mtime=0)
    if path.exists() and path.read_bytes() == packed:
        return path
    write_atomically(path, packed)
    return path
