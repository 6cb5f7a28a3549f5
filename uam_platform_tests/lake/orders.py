"""A small partitioned table and its rows, for tests of the lake.

Here: contract and rows. Not here: any test, or a subprocess that publishes (`killed`).
"""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from uam_platform.contracts.model import Contract
from uam_platform.contracts.schemas import arrow_schema
from uam_platform.contracts.vocabulary import columns

ORDERS = Contract(
    stage="staging",
    name="orders",
    grain="one order",
    description="Orders of one day.",
    columns=columns("event_date load_id row_no quantity"),
    key=("load_id", "row_no"),
    nullable=frozenset({"quantity"}),
    partition="event_date",
)
WHOLE_ORDERS = Contract(
    stage="staging",
    name="all_orders",
    grain="one order",
    description="All orders.",
    columns=columns("load_id row_no quantity"),
    key=("load_id", "row_no"),
)
DAYS = ["2025-01-06", "2025-01-07", "2025-01-08"]

Row = tuple[str, str, int, int | None]


def day(number: int) -> date:
    """Day `number` of the tests."""
    return date(2025, 1, 6) + timedelta(days=number)


def rows(quantity: int, per_day: int = 5) -> list[Row]:
    """Orders of all days with one quantity: its value tells the versions apart."""
    return [(d, "load", n, quantity) for d in DAYS for n in range(per_day)]


def table(found: list[Row]) -> ir.Table:
    """Rows as a table of ORDERS."""
    records = [
        {"event_date": date.fromisoformat(d), "load_id": load, "row_no": n, "quantity": q} for d, load, n, q in found
    ]
    return ibis.memtable(pa.Table.from_pylist(records, schema=arrow_schema(ORDERS)))
