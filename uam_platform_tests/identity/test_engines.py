"""The reductions of evidence run on any engine that Ibis compiles to."""

import ibis
import pytest

from uam_platform.contracts.schemas import ibis_schema
from uam_platform.contracts.tables import IDENTITY_EVIDENCE
from uam_platform.identity import evidence as reductions
from uam_platform_tests.identity.product import RULES

EVIDENCE = ibis.table(ibis_schema(IDENTITY_EVIDENCE), name="identity_evidence")
USERS = EVIDENCE.rename(user="actor_key", workspace="workspace_key")


@pytest.mark.parametrize("dialect", ["duckdb", "pyspark"])
@pytest.mark.parametrize(
    "expression",
    [
        pytest.param(reductions._links(reductions._edges(EVIDENCE, RULES)), id="links"),
        pytest.param(reductions._first_sightings(USERS, "user", "workspace"), id="sightings"),
        pytest.param(reductions._changes(USERS, "role", "user", "workspace"), id="roles"),
        pytest.param(reductions._claims(EVIDENCE), id="claims"),
    ],
)
def test_reductions_compile(expression: ibis.Table, dialect: str) -> None:
    assert "identity_evidence" in ibis.to_sql(expression, dialect=dialect)
