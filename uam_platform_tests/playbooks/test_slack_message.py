"""The Slack message: what it says, and that it stays within Slack's limits whatever the texts are."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.ledger.catalogue import plan
from uam_platform.playbooks import slack_message
from uam_platform.simulation.sandbox import slack_blocks
from uam_platform_tests.ledger.findings import PLAYBOOKS, finding

TEXTS = ("title", "summary", "threshold", "system_to_update", "follow_up", "owner_name", "account_name", "evidence_id")


def message(status: str = "open", **changed: Any) -> slack_message.SlackMessage:
    payload = {**plan(finding(1, **changed), PLAYBOOKS)[0].payload, "status": status, "as_of": "2025-06-02"}
    return slack_message.build(payload, "key1")


def texts(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All text objects of a message."""
    found = []
    for block in blocks:
        found += [block["text"]] if "text" in block else []
        found += [*block.get("fields", ()), *block.get("elements", ())]
    return found


def test_it_names_account_dollars_owner_duty_and_evidence() -> None:
    shown = "\n".join(t["text"] for t in texts(message().blocks))
    for wanted in (
        "Company 1: core workflow falling after an escalation",
        "Company 1 (acc_00001)",
        "$9,000 of $90,000 a year",
        "*Expected to save by acting*\n$2,250",
        "Kim Owner",
        "*Follow-up* call within 5 days",
        "*Threshold* at most 60 %",
        "*System to update* CRM",
        "evidence `e1`",
        "Snapshot 2025-06-02",
    ):
        assert wanted in shown


def test_its_metadata_carries_the_key_by_which_it_is_found_again() -> None:
    metadata = message().metadata
    assert metadata["event_type"] == "uam_alert"
    assert metadata["event_payload"]["id"] == "key1"


def test_text_from_outside_cannot_become_a_mention_or_a_link() -> None:
    built = message(account_name="<!channel> & Sons", summary="see <http://evil|here> & more")
    mrkdwn = [t["text"] for t in texts(built.blocks) if t["type"] == "mrkdwn"] + [built.text]
    assert not any("<" in t or ">" in t for t in mrkdwn)
    assert any("&lt;!channel&gt; &amp; Sons" in t for t in mrkdwn)


@pytest.mark.parametrize(
    ("status", "prefix"), [("updated", "Updated: "), ("reopened", "Back again: "), ("resolved", "Resolved: ")]
)
def test_the_headline_tells_what_changed(status: str, prefix: str) -> None:
    assert message(status).blocks[0]["text"]["text"].startswith(prefix)


@given(value=st.text(alphabet=st.sampled_from("a&<>\n ü😀*`"), max_size=6000), name=st.sampled_from(TEXTS))
@settings(max_examples=60, deadline=None, derandomize=True)
@pytest.mark.proves("Slack", "limits of the wire format")
def test_no_text_breaks_a_limit_or_leaves_half_an_entity(value: str, name: str) -> None:
    check_limits(message(**{name: value}).blocks)


def test_the_longest_texts_together_stay_below_the_total() -> None:
    built = message(**dict.fromkeys(TEXTS, "&<>" * 3000))
    check_limits(built.blocks)
    assert len(built.text) <= slack_message.TEXT_LIMIT


@pytest.mark.proves("Slack", "limits of the wire format")
def test_our_limits_are_those_that_slack_publishes() -> None:
    folder = os.environ.get("UAM_VENDOR_SAMPLES")
    if not folder:
        pytest.skip("UAM_VENDOR_SAMPLES names no folder with vendor samples")
    limits = json.loads((Path(folder) / "slack/slackblocks/spec/limits.json").read_text())
    assert limits["header"]["text"]["max_length"] == slack_message.HEADER_LIMIT
    assert limits["section"]["text"]["max_length"] == slack_message.SECTION_LIMIT
    assert limits["section"]["fields"]["item_max_length"] == slack_message.FIELD_LIMIT
    assert limits["section"]["fields"]["max_items"] >= len(message().blocks[1]["fields"])
    assert limits["context"]["elements"]["max_items"] >= 1


def check_limits(blocks: list[dict[str, Any]]) -> None:
    allowed = {"header": slack_message.HEADER_LIMIT, "section": slack_message.SECTION_LIMIT}
    for block in blocks:
        for field in block.get("fields", ()):
            assert 1 <= len(field["text"]) <= slack_message.FIELD_LIMIT
        if "text" in block:
            assert 1 <= len(block["text"]["text"]) <= allowed[block["type"]]
    everything = texts(blocks)
    assert len(blocks) <= 50
    assert sum(len(t["text"]) for t in everything) <= slack_message.TOTAL_LIMIT
    for text in everything:
        if text["type"] == "mrkdwn":
            left = text["text"]
            for entity in ("&amp;", "&lt;", "&gt;"):
                left = left.replace(entity, "")
            assert "&" not in left


def test_the_sandbox_judges_blocks_as_the_published_fixtures_do() -> None:
    folder = os.environ.get("UAM_VENDOR_SAMPLES")
    if not folder:
        pytest.skip("UAM_VENDOR_SAMPLES names no folder with vendor samples")
    fixtures = Path(folder) / "slack/slackblocks/spec/fixtures/valid"
    served = ("header", "section", "context", "divider")
    blocks = [json.loads(path.read_text()) for path in sorted((fixtures / "blocks").glob("*.json"))]
    known = [block for block in blocks if block.get("type") in served]
    assert len(known) >= 8
    wrong = {str(block)[:80]: found for block in known if (found := slack_blocks.findings([block]))}
    assert wrong == {}
