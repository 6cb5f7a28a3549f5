"""A ticket or call that quotes a run before the run failed is told, with how sure that is; what follows its failure is not."""

from typing import Any

import pandas as pd
import pytest

from uam_platform.contracts.tables import UTTERANCES
from uam_platform.lake.engine import connect
from uam_platform.lake.io_manager import as_table
from uam_platform.quality.findings import findings
from uam_platform.quality.quoted_failures import quoted_failures, quoted_too_early
from uam_platform_tests.quality.cases import POLICY, day, event, events

CONNECTION = connect()


def failure(run_id: str, hour: int = 12, **said: Any) -> dict[str, Any]:
    return event(5, "workflow_failed", "server", workflow_id=run_id, marker="friction", hour=hour, **said)


def words(text: str, hour: float, **said: Any) -> dict[str, Any]:
    at = pd.Timestamp(day(5)) + pd.Timedelta(hours=hour)
    return {
        "utterance_id": f"zendesk:ticket:{hour}", "source": "zendesk", "channel": "ticket", "ticket_id": "zendesk:1",
        "conversation_id": None, "account_id": "acc_1", "author_kind": "customer", "page_no": None, "said_at": at, "known_at": at,
        "known_date": day(5), "text": text, "redaction_count": 0, "load_id": "l", "row_no": 1,
    } | said  # fmt: skip


def hits(failures: list[dict[str, Any]], said: list[dict[str, Any]]) -> pd.DataFrame:
    table = as_table(pd.DataFrame(said, columns=list(UTTERANCES.column_names)), UTTERANCES)
    return quoted_too_early(quoted_failures(CONNECTION, events(failures), table), day(30), POLICY)


@pytest.mark.parametrize(
    ("text", "hour", "author"),
    [
        ("Run wf_000123 failed", 13, "customer"),
        ("Run wf_000123 failed", 11.95, "customer"),
        ("Run wf_000999 failed", 9, "customer"),
        ("It fails with E_TIMEOUT", 9, "customer"),
        ("Please look at wf_000123", 9, "agent"),
    ],
    ids=["after it", "within what clocks differ by", "another run", "an error's name", "our own words"],
)
def test_what_proves_nothing_is_not_told(text: str, hour: float, author: str) -> None:
    assert hits([failure("wf_000123")], [words(text, hour, author_kind=author)]).empty


@pytest.mark.parametrize(("sure", "confidence"), [("exact", "high"), ("skew_repaired", "low")])
def test_a_quote_before_its_failure_is_a_finding_with_its_confidence(sure: str, confidence: str) -> None:
    said = [words("Run wf_000123 failed again.", 9), words("And wf_000124, too", 14)]
    found = hits([failure("wf_000123", time_confidence=sure), failure("wf_000124")], said)
    assert set(found["source"] + " " + found["finding_part"]) == {"zendesk segment"}
    assert found["affected_count"].tolist() == [1] * len(found)
    (told,) = findings(found, day(12), POLICY, "data-platform", {}).to_dict("records")
    assert told["finding_kind"] == "source_order"
    assert told["severity"] == ("serious" if confidence == "high" else "notable")
    assert "1 of 2 quotes of failed runs lie before the failure, the farthest by 10,800 s" in told["finding_text"]
    assert f"confidence is {confidence}" in told["finding_text"]
    assert "ticket zendesk:ticket:9" in told["finding_text"]
