"""Do the books balance: is every delivery and every record in exactly one table?

Here: the run's own books, made anew from its lake. Not here: whether what was counted is right (`deduplication`, `quarantine`), the books
themselves (`uam_platform.staging`).
"""

from uam_platform.contracts.tables import EVENTS, LOAD_RECONCILIATION
from uam_platform.evaluation.quarantine import rate
from uam_platform.evaluation.results import Row
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.lake.loads import LoadManifest
from uam_platform.policy.sources import shipped_sources
from uam_platform.staging.day_books import day_imbalance, published_day_books
from uam_platform.staging.reconcile import imbalance
from uam_platform.staging.table_books import table_books


def book_rows(run: RunFolder) -> list[Row]:
    """Loads, source days and kinds of records whose counts add up from delivery to table."""
    lake, connection = run.lake, run.connection
    loads = lake.read(connection, LOAD_RECONCILIATION).to_pandas()
    by_day = published_day_books(connection, lake, lake.keys(EVENTS))
    records = table_books(connection, lake, LoadManifest(run.root / "raw"), shipped_sources())
    return [
        _balanced("loads whose books balance", imbalance(loads), len(loads)),
        _balanced("source days whose books balance", day_imbalance(by_day), len(by_day)),
        _balanced("kinds of records whose books balance", [b.says for b in records if b.says], len(records)),
    ]


def _balanced(metric: str, wrong: list[str], of: int) -> Row:
    note = f"{len(wrong)} of {of:,} do not add up" + (f": {wrong[0]}" if wrong else "")
    return rate(metric, of - len(wrong), of, note, target="1")
