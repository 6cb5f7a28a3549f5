"""Slack's Web API through Slack's own client."""

import json
import os
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from uam_platform.simulation.sandbox import slack_blocks
from uam_platform.simulation.sandbox.server import Running

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "*At risk*"}}


def slack(sandbox: Running, token: str | None = None) -> WebClient:
    env = sandbox.credentials
    return WebClient(token=token or env["UAM_SLACK_BOT_TOKEN"], base_url=env["UAM_SLACK_BASE_URL"], retry_handlers=[])


def refusal(call: Any, **arguments: Any) -> dict[str, Any]:
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    return {"status": caught.value.response.status_code, **caught.value.response.data}


def test_a_token_is_tested(sandbox: Running) -> None:
    assert slack(sandbox).auth_test()["user_id"].startswith("U")
    assert refusal(slack(sandbox, "xoxb-wrong").auth_test)["error"] == "invalid_auth"


def test_a_message_can_be_found_again_by_its_metadata(sandbox: Running) -> None:
    metadata = {"event_type": "uam_alert", "event_payload": {"id": "a1"}}
    sent = slack(sandbox).chat_postMessage(channel="C0METADATA1", text="hi", blocks=[SECTION], metadata=metadata)
    shown = slack(sandbox).conversations_history(channel="C0METADATA1", include_all_metadata=True)["messages"]
    assert [(m["ts"], m["metadata"]) for m in shown] == [(sent["ts"], metadata)]
    assert "metadata" not in slack(sandbox).conversations_history(channel="C0METADATA1")["messages"][0]
    recorded = [item for item in sandbox.recorded("slack") if item["channel"] == "C0METADATA1"]
    assert [item["message"]["metadata"] for item in recorded] == [metadata]


def test_an_edit_keeps_the_ts_and_is_recorded(sandbox: Running) -> None:
    sent = slack(sandbox).chat_postMessage(channel="C0EDITED001", text="one")
    edited = slack(sandbox).chat_update(channel="C0EDITED001", ts=sent["ts"], text="two")
    assert (edited["ts"], edited["text"]) == (sent["ts"], "two")
    shown = slack(sandbox).conversations_history(channel="C0EDITED001")["messages"]
    assert [(m["text"], "edited" in m) for m in shown] == [("two", True)]
    methods = [item["method"] for item in sandbox.recorded("slack") if item["channel"] == "C0EDITED001"]
    assert methods == ["chat.postMessage", "chat.update"]
    missing = refusal(slack(sandbox).chat_update, channel="C0EDITED001", ts="1.000000", text="x")
    assert missing["error"] == "message_not_found"


def test_history_is_paged_from_the_newest(sandbox: Running) -> None:
    client = slack(sandbox)
    stamps = [client.chat_postMessage(channel="C0HISTORY01", text=str(n))["ts"] for n in range(3)]
    pages = [
        [m["ts"] for m in page["messages"]] for page in client.conversations_history(channel="C0HISTORY01", limit=2)
    ]
    assert pages == [[stamps[2], stamps[1]], [stamps[0]]]
    later = client.conversations_history(channel="C0HISTORY01", oldest=stamps[1])["messages"]
    assert [m["ts"] for m in later] == [stamps[2]]
    from_there = client.conversations_history(channel="C0HISTORY01", oldest=stamps[1], inclusive=True)["messages"]
    assert [m["ts"] for m in from_there] == [stamps[2], stamps[1]]


@pytest.mark.parametrize(
    ("channel", "error"),
    [
        ("C0NOTFOUND0", "channel_not_found"),
        ("C0NOTMEMBER", "not_in_channel"),
        ("C0ARCHIVED0", "is_archived"),
        ("#", "channel_not_found"),
    ],
)
def test_a_channel_refusal_is_http_200_with_ok_false(sandbox: Running, channel: str, error: str) -> None:
    refused = refusal(slack(sandbox).chat_postMessage, channel=channel, text="x")
    assert (refused["status"], refused["ok"], refused["error"]) == (200, False, error)


def test_a_channel_name_always_means_the_same_channel(sandbox: Running) -> None:
    ids = {slack(sandbox).chat_postMessage(channel=name, text="x")["channel"] for name in ("#cs-alerts", "cs-alerts")}
    assert len(ids) == 1


def button(**changes: Any) -> list[dict[str, Any]]:
    element = {"type": "button", "text": {"type": "plain_text", "text": "Done"}, **changes}
    return [{"type": "actions", "elements": [element]}]


def section(length: int) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": "x" * length}}


def header(length: int) -> dict[str, Any]:
    return {"type": "header", "text": {"type": "plain_text", "text": "x" * length}}


AT_LIMIT = [
    [section(3000)],
    [header(150)],
    [{"type": "divider"}] * 50,
    [section(3000)] * 4 + [section(1200)],
    button(value="v" * 2000, url="u" * 3000, action_id="a" * 255),
    [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 1000}] * 10}],
    [{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 10}],
]
OVER_LIMIT = [
    [section(3001)],
    [section(0)],
    [header(151)],
    [{"type": "divider"}] * 51,
    button(value="v" * 2001),
    button(url="u" * 3001),
    button(text={"type": "plain_text", "text": "x" * 76}),
    button(action_id="a" * 256),
    [{"type": "actions", "elements": button()[0]["elements"] * 26}],
    [{"type": "actions", "elements": []}],
    [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}],
    [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2001}]}],
    [{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 11}],
    [{"type": "image", "image_url": "http://x"}],
    [{"type": "section"}],
    [{"type": "actions", "elements": ["button"]}],
    [{"type": "context", "elements": 3}],
    [{"type": "carousel_of_dreams"}],
    [{"type": "divider", "block_id": "b" * 256}],
    [{"type": "markdown", "text": "x" * 12_001}],
]


@pytest.mark.parametrize("blocks", AT_LIMIT, ids=lambda b: f"{b[0]['type']}-{len(b)}")
def test_blocks_at_their_limit_are_taken(blocks: list[dict[str, Any]]) -> None:
    assert slack_blocks.findings(blocks) == []
    assert slack_blocks.total_characters(blocks) <= slack_blocks.TOTAL_CHARACTERS


@pytest.mark.parametrize("blocks", OVER_LIMIT, ids=range(len(OVER_LIMIT)))
def test_blocks_over_their_limit_are_invalid(sandbox: Running, blocks: list[dict[str, Any]]) -> None:
    refused = refusal(slack(sandbox).chat_postMessage, channel="C0BLOCKS001", text="x", blocks=blocks)
    assert refused["error"] == "invalid_blocks"
    assert "[json-pointer:/blocks" in refused["response_metadata"]["messages"][0]


def test_too_much_text_over_all_blocks_is_refused(sandbox: Running) -> None:
    blocks = [section(3000)] * 4 + [section(1201)]
    refused = refusal(slack(sandbox).chat_postMessage, channel="C0BLOCKS001", text="x", blocks=blocks)
    assert refused["error"] == "msg_blocks_too_long"


@pytest.mark.filterwarnings("ignore:The top-level `text`")
def test_a_message_needs_text_or_blocks_and_whole_metadata(sandbox: Running) -> None:
    call = slack(sandbox).chat_postMessage
    assert refusal(call, channel="C0BLOCKS001")["error"] == "no_text"
    half = refusal(call, channel="C0BLOCKS001", text="x", metadata={"event_type": "a"})
    assert half["error"] == "invalid_metadata_format"


def test_more_than_a_short_burst_in_one_channel_is_throttled_and_others_are_not(sandbox: Running) -> None:
    client = slack(sandbox)
    refused: dict[str, Any] = {}
    for _ in range(10):
        try:
            client.chat_postMessage(channel="C0BURST0001", text="x")
        except SlackApiError as error:
            refused = {"status": error.response.status_code, "wait": error.response.headers, **error.response.data}
            break
    assert (refused["status"], refused["error"]) == (429, "ratelimited")
    assert client.chat_postMessage(channel="C0BURST0002", text="x")["ok"]
    time.sleep(int(refused["wait"].get("retry-after") or refused["wait"]["Retry-After"]))
    assert client.chat_postMessage(channel="C0BURST0001", text="x")["ok"]


def test_a_json_body_without_charset_is_warned_about(sandbox: Running, client: httpx.Client) -> None:
    env = sandbox.credentials
    headers = {"Authorization": f"Bearer {env['UAM_SLACK_BOT_TOKEN']}", "Content-Type": "application/json"}
    body = json.dumps({"channel": "C0CHARSET01", "text": "x"})
    answer = client.post(f"{env['UAM_SLACK_BASE_URL']}chat.postMessage", content=body, headers=headers)
    assert answer.json()["warning"] == "missing_charset"


def test_a_form_with_blocks_as_json_text_is_understood(sandbox: Running, client: httpx.Client) -> None:
    env = sandbox.credentials
    form = {"token": env["UAM_SLACK_BOT_TOKEN"], "channel": "C0FORM00001", "blocks": json.dumps([SECTION])}
    answer = client.post(f"{env['UAM_SLACK_BASE_URL']}chat.postMessage", data=form)
    assert answer.json()["message"]["blocks"][0]["text"]["text"] == "*At risk*"


@pytest.mark.skipif("UAM_VENDOR_SAMPLES" not in os.environ, reason="UAM_VENDOR_SAMPLES names no folder of recordings")
def test_answers_have_the_keys_of_recorded_ones(sandbox: Running) -> None:
    folder = Path(os.environ["UAM_VENDOR_SAMPLES"]) / "slack/nango"
    posted = json.loads((folder / "post-message.json").read_text())["interactions"]["post"]["/chat.postMessage"]
    updated = json.loads((folder / "update-message.json").read_text())["interactions"]["post"]["/chat.update"]
    sent = slack(sandbox).chat_postMessage(channel="C0RECORDED1", text="x").data
    edited = slack(sandbox).chat_update(channel="C0RECORDED1", ts=sent["ts"], text="y").data
    only_without_charset = {"warning", "response_metadata"}
    assert set(sent) == set(posted["response"]) - only_without_charset
    assert set(sent["message"]) == set(posted["response"]["message"])
    assert set(edited["message"]) == set(updated["response"]["message"])


@pytest.mark.skipif("UAM_VENDOR_SAMPLES" not in os.environ, reason="UAM_VENDOR_SAMPLES names no folder of recordings")
def test_published_valid_messages_are_taken() -> None:
    folder = Path(os.environ["UAM_VENDOR_SAMPLES"]) / "slack/slackblocks/spec/fixtures/valid/messages"
    messages = [json.loads(path.read_text()) for path in sorted(folder.glob("message_*.json"))]
    blocks = [message["blocks"] for message in messages if message.get("blocks")]
    assert blocks
    assert [slack_blocks.findings(item) for item in blocks] == [[]] * len(blocks)
