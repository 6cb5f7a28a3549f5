"""What every Salesforce organisation has beside the company's own tables: the deletion flag and the stages of opportunities.

Belongs here: rows derived from the company's. Does not belong here: answering queries (`salesforce_query.py`). The company
holds the last state of an opportunity only: its history is the stage it began in and the present one.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from uam_platform.simulation.sandbox.company import Company, Row

OPPORTUNITY_HISTORY: Final = "OpportunityHistory"
_FIRST_STAGE: Final = "Qualification"
_DELETABLE: Final = ("Account", "Contact", "Opportunity", "Contract")
_DELETED: Final = "IsDeleted"
_STAGED: Final = ("StageName", "Amount", "CloseDate")


def rows_of(company: Company, name: str, tables: Mapping[str, str]) -> tuple[list[Row], dict[str, str]]:
    """Return rows and kinds of columns of an object.

    Args:
        company: What is served.
        name: The object.
        tables: Table of each object that the company holds.
    """
    if name == OPPORTUNITY_HISTORY:
        return _history(company, tables["Opportunity"])
    rows, kinds = company.rows(tables[name]), company.column_kinds(tables[name])
    if name in _DELETABLE and _DELETED not in kinds:
        return [{**row, _DELETED: False} for row in rows], {**kinds, _DELETED: "boolean"}
    return rows, kinds


def _history(company: Company, table: str) -> tuple[list[Row], dict[str, str]]:
    own = company.column_kinds(table)
    kinds = {"Id": "string", "OpportunityId": "string", "CreatedDate": "datetime", "SystemModstamp": "datetime"}
    kinds |= {name: own[name] for name in _STAGED}
    return [entry for row in company.rows(table) for entry in _stages(row)], kinds


def _stages(row: Row) -> Iterator[Row]:
    steps = [(row["CreatedDate"], _FIRST_STAGE)] if row["SystemModstamp"] > row["CreatedDate"] else []
    for number, (at, stage) in enumerate([*steps, (row["SystemModstamp"], row["StageName"])]):
        key = f"008{row['Id'][4:15]}{number}"  # the fourth character is the same in all ids
        stamps = {"CreatedDate": at, "SystemModstamp": at}
        yield {"Id": key, "OpportunityId": row["Id"], **{n: row[n] for n in _STAGED}, "StageName": stage, **stamps}
