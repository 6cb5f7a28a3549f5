"""What people tell the ledger reaches the next snapshot as a fact, and no snapshot of before."""

from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from uam_platform.contracts import tables
from uam_platform.lake.engine import connect
from uam_platform.lake.loads import LoadManifest
from uam_platform.lake.store import Lake
from uam_platform.ledger import feedback
from uam_platform.ledger.engine import open_ledger
from uam_platform_tests.end_to_end import chain

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

NOW = datetime.fromisoformat("2025-02-21T08:00:00")
SAID = NOW - timedelta(
    hours=20
)  # after the decision on the snapshot of 20 February, before that on the one of the 21st


@pytest.fixture(scope="module")
def out(company: Path, rules: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 21 February; the day before somebody asked for silence of the one detector, for a day."""
    folder = tmp_path_factory.mktemp("silenced") / "out"
    ledger = open_ledger(f"sqlite:///{folder / 'ledger.db'}")
    feedback.silence(
        ledger, SAID, SAID + timedelta(days=1), "import was wrong", "kim", SAID, detector="renewal_at_risk"
    )
    ledger.close()
    with chain.reader(company, folder, rules, NOW) as runner:
        runner.ingest()
        runner.daily_tables()
        runner.snapshots()
        runner.ingest()
    return folder


@pytest.fixture(scope="module")
def candidates(out: Path) -> pd.DataFrame:
    found = Lake(out / "lake").read(connect(), tables.CANDIDATES).to_pandas()
    return found.assign(as_of=found["as_of"].astype(str).str[:10])


def test_a_silence_holds_back_the_findings_of_the_snapshot_that_could_know_it(candidates: pd.DataFrame) -> None:
    latest = candidates[candidates["as_of"] == "2025-02-21"]
    assert "silence" in set(latest["reason"])
    assert set(latest["decision"]) == {"suppressed"}


def test_snapshots_decided_before_it_was_said_do_not_know_it(candidates: pd.DataFrame) -> None:
    earlier = candidates[candidates["as_of"] < "2025-02-21"]
    assert "alert" in set(earlier["decision"])
    assert "silence" not in set(earlier["reason"])


def test_it_was_landed_once_and_its_words_stayed_in_the_ledger(out: Path) -> None:
    manifest = LoadManifest(out / "raw")
    (load,) = manifest.loads("ledger")
    assert load.rows == {"records": 1}
    landed = pd.read_parquet(manifest.paths(load, "records")).to_json()
    assert "import was wrong" not in landed
    assert "kim" not in landed
    books = Lake(out / "lake").read(connect(), tables.LOAD_RECONCILIATION).to_pandas()
    assert books.query("source == 'ledger'")["accepted_count"].tolist() == [1]
