"""What people tell the ledger reaches the next snapshot as a fact, and no snapshot of before."""

import pandas as pd
import pytest

from uam_platform.contracts import tables
from uam_platform.lake.engine import connect
from uam_platform.lake.loads import LoadManifest
from uam_platform.lake.store import Lake
from uam_platform_tests.end_to_end.readings import MOMENTS, History

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FIRST = MOMENTS[0].date().isoformat()


@pytest.fixture(scope="module")
def candidates(history: History) -> pd.DataFrame:
    found = Lake(history.folder / "lake").read(connect(), tables.CANDIDATES).to_pandas()
    return found.assign(as_of=found["as_of"].astype(str).str[:10])


def test_a_silence_holds_back_the_findings_of_the_snapshot_that_could_know_it(candidates: pd.DataFrame) -> None:
    latest = candidates[candidates["as_of"] == FIRST]
    assert "silence" in set(latest["reason"])
    assert set(latest["decision"]) == {"suppressed"}


def test_snapshots_decided_before_it_was_said_do_not_know_it(candidates: pd.DataFrame) -> None:
    earlier = candidates[candidates["as_of"] < FIRST]
    assert "alert" in set(earlier["decision"])
    assert "silence" not in set(earlier["reason"])


def test_it_was_landed_once_and_its_words_stayed_in_the_ledger(history: History) -> None:
    manifest = LoadManifest(history.folder / "raw")
    (load,) = manifest.loads("ledger")
    assert load.rows == {"records": 1}
    landed = pd.read_parquet(manifest.paths(load, "records")).to_json()
    assert "import was wrong" not in landed
    assert "kim" not in landed
    books = Lake(history.folder / "lake").read(connect(), tables.LOAD_RECONCILIATION).to_pandas()
    assert books.query("source == 'ledger'")["accepted_count"].tolist() == [1]
