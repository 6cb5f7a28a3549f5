"""Slack's Web API: post, edit, read back.

Belongs here: HTTP, tokens, rate limits, `ok: false`. Does not belong here: Block Kit limits (`slack_blocks.py`) and the
stored messages (`slack_messages.py`). Slack reports almost every failure with HTTP 200.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from uam_platform.simulation.sandbox import slack_blocks
from uam_platform.simulation.sandbox.credentials import SLACK_BOT_KEY
from uam_platform.simulation.sandbox.faults import is_empty_page
from uam_platform.simulation.sandbox.rate_limits import Clock, TokenBucket, Verdict
from uam_platform.simulation.sandbox.received import Journal
from uam_platform.simulation.sandbox.slack_messages import BOT_ID, BOT_USER_ID, TEAM_ID, Message, Messages

MESSAGES_PER_SECOND: Final = 1.0
BURST: Final = 3
UPDATES_PER_SECOND: Final = 50 / 60
REFUSING_CHANNELS: Final = {
    "C0NOTFOUND0": "channel_not_found",
    "C0NOTMEMBER": "not_in_channel",
    "C0ARCHIVED0": "is_archived",
}
"""Channels with which a test can provoke each permanent refusal."""

_CHANNEL_ID: Final = re.compile(r"[CGD][A-Z0-9]{6,}")
_JSON_ARGUMENTS: Final = ("blocks", "attachments", "metadata")
_PAGE: Final = 100
_LARGEST_PAGE: Final = 999

Arguments = dict[str, Any]
Method = Callable[[Arguments, bool], "Outcome"]


class Outcome:
    """What a method answers: the body, and seconds to wait when it was throttled."""

    def __init__(self, body: dict[str, Any], retry_after: int = 0) -> None:
        self.body = body
        self.retry_after = retry_after


class SlackSurface:
    """Serves one workspace.

    Args:
        journal: Where accepted messages are recorded.
        now: Epoch seconds for the `ts` of messages.
        clock: Monotonic seconds for the rate limits.
    """

    def __init__(self, journal: Journal, now: Clock, clock: Clock) -> None:
        self._messages = Messages(journal, now)
        self._posts = TokenBucket(MESSAGES_PER_SECOND, BURST, clock)
        self._updates = TokenBucket(UPDATES_PER_SECOND, 50, clock)

    def routes(self) -> list[BaseRoute]:
        """Routes below `/slack/api`."""
        methods: dict[str, Method] = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post_message,
            "chat.update": self._update,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "api.test": lambda arguments, is_stalled: Outcome({"ok": True}),
        }

        async def call(request: Request) -> Response:
            method = methods.get(request.path_params["method"])
            if method is None:
                return JSONResponse({"ok": False, "error": "unknown_method"})
            return await _called(method, request)

        return [Route("/slack/api/{method}", call, methods=["GET", "POST"])]

    def _auth_test(self, arguments: Arguments, is_stalled: bool) -> Outcome:
        team = {"url": "https://acme.slack.example/", "team": "Acme", "team_id": TEAM_ID}
        user = {"user": "uam", "user_id": BOT_USER_ID, "bot_id": BOT_ID, "is_enterprise_install": False}
        return Outcome({"ok": True, **team, **user})

    def _post_message(self, arguments: Arguments, is_stalled: bool) -> Outcome:
        channel, refusal = _channel(arguments)
        refusal = refusal or _content_refusal(arguments)
        if refusal:
            return refusal
        verdict = self._posts.take(channel)
        if not verdict.is_allowed:
            return _ratelimited(verdict)
        message = self._messages.post(channel, arguments)
        return Outcome({"ok": True, "channel": channel, "ts": message["ts"], "message": message})

    def _update(self, arguments: Arguments, is_stalled: bool) -> Outcome:
        channel, refusal = _channel(arguments)
        refusal = refusal or _content_refusal(arguments)
        if refusal:
            return refusal
        verdict = self._updates.take(TEAM_ID)
        if not verdict.is_allowed:
            return _ratelimited(verdict)
        message = self._messages.edit(channel, str(arguments.get("ts")), arguments)
        if message is None:
            return _refused("message_not_found")
        shown = {key: value for key, value in message.items() if key != "ts"}
        return Outcome({"ok": True, "channel": channel, "ts": message["ts"], "text": message["text"], "message": shown})

    def _history(self, arguments: Arguments, is_stalled: bool) -> Outcome:
        channel, refusal = _channel(arguments)
        if refusal:
            return refusal
        latest = _cursor_ts(arguments) or str(arguments.get("latest") or "")
        is_inclusive = _flag(arguments, "inclusive") and not arguments.get("cursor")
        oldest = str(arguments.get("oldest") or "")
        found = self._messages.newest_first(channel, oldest, latest, is_inclusive=is_inclusive)
        size = max(1, min(int(arguments.get("limit") or _PAGE), _LARGEST_PAGE))
        page = [] if is_stalled else found[:size]
        body: Message = {
            "ok": True,
            "messages": [_shown(m, arguments) for m in page],
            "has_more": len(found) > len(page),
        }
        body |= {"pin_count": 0, "channel_actions_ts": None, "channel_actions_count": 0}
        if body["has_more"]:
            before = page[-1]["ts"] if page else latest or "9999999999.000000"
            body["response_metadata"] = {"next_cursor": base64.b64encode(f"next_ts:{before}".encode()).decode()}
        return Outcome(body)

    def _replies(self, arguments: Arguments, is_stalled: bool) -> Outcome:
        channel, refusal = _channel(arguments)
        if refusal:
            return refusal
        found = self._messages.thread(channel, str(arguments.get("ts")))
        if not found:
            return _refused("thread_not_found")
        start = int(base64.b64decode(str(arguments.get("cursor") or "")).decode() or 0)
        size = max(1, min(int(arguments.get("limit") or _PAGE), _LARGEST_PAGE))
        page = [] if is_stalled else found[start : start + size]
        has_more = start + len(page) < len(found)
        body: Message = {"ok": True, "messages": [_shown(m, arguments) for m in page], "has_more": has_more}
        if has_more:
            following = base64.b64encode(str(start + len(page)).encode()).decode()
            body["response_metadata"] = {"next_cursor": following}
        return Outcome(body)


async def _called(method: Method, request: Request) -> Response:
    """Check the token, run a method and dress its outcome as HTTP."""
    try:
        arguments = await _arguments(request)
    except ValueError:
        return JSONResponse({"ok": False, "error": "invalid_json"})
    token = request.headers.get("authorization", "").removeprefix("Bearer ") or str(arguments.get("token", ""))
    if token != SLACK_BOT_KEY:
        return JSONResponse({"ok": False, "error": "invalid_auth" if token else "not_authed"})
    try:
        outcome = method(arguments, is_empty_page(request))
    except ValueError:
        outcome = _refused("invalid_arguments")
    if outcome.retry_after:
        return JSONResponse(outcome.body, 429, {"retry-after": str(outcome.retry_after)})
    content_type = request.headers.get("content-type", "")
    if content_type.startswith("application/json") and "charset" not in content_type:
        outcome.body |= {"warning": "missing_charset", "response_metadata": {"warnings": ["missing_charset"]}}
    return JSONResponse(outcome.body)


async def _arguments(request: Request) -> Arguments:
    """Read arguments from the query, a form or a JSON body; Slack takes all three."""
    arguments: Arguments = dict(request.query_params)
    body = (await request.body()).decode()
    if request.headers.get("content-type", "").startswith("application/json"):
        loaded = json.loads(body or "{}")
        if not isinstance(loaded, dict):
            raise ValueError("a JSON body must be an object")
        arguments |= loaded
    else:
        arguments |= {key: values[0] for key, values in parse_qs(body).items()}
    for name in _JSON_ARGUMENTS:
        if isinstance(arguments.get(name), str):
            arguments[name] = json.loads(arguments[name])
    return arguments


def _channel(arguments: Arguments) -> tuple[str, Outcome | None]:
    """Return the channel's id; a name such as `#cs-alerts` gets a stable id."""
    given = str(arguments.get("channel") or "")
    if given in REFUSING_CHANNELS or not given.strip("#"):
        return given, _refused(REFUSING_CHANNELS.get(given, "channel_not_found"))
    if _CHANNEL_ID.fullmatch(given):
        return given, None
    return "C" + hashlib.sha256(given.removeprefix("#").encode()).hexdigest()[:10].upper(), None


def _content_refusal(arguments: Arguments) -> Outcome | None:
    blocks, metadata = arguments.get("blocks"), arguments.get("metadata")
    if not (arguments.get("text") or blocks or arguments.get("attachments")):
        return _refused("no_text")
    findings = slack_blocks.findings(blocks) if blocks else []
    if findings:
        return _refused("invalid_blocks", findings)
    if blocks and slack_blocks.total_characters(blocks) > slack_blocks.TOTAL_CHARACTERS:
        return _refused("msg_blocks_too_long")
    if metadata and not ({"event_type", "event_payload"} <= set(metadata) if isinstance(metadata, dict) else False):
        return _refused("invalid_metadata_format")
    return None


def _refused(error: str, messages: list[str] | None = None) -> Outcome:
    body: dict[str, Any] = {"ok": False, "error": error}
    return Outcome(body | ({"response_metadata": {"messages": messages}} if messages else {}))


def _ratelimited(verdict: Verdict) -> Outcome:
    return Outcome({"ok": False, "error": "ratelimited"}, verdict.resets_in_seconds)


def _cursor_ts(arguments: Arguments) -> str:
    cursor = str(arguments.get("cursor") or "")
    return base64.b64decode(cursor).decode().removeprefix("next_ts:") if cursor else ""


def _flag(arguments: Arguments, name: str) -> bool:
    return str(arguments.get(name, "")).lower() in ("1", "true")


def _shown(message: Message, arguments: Arguments) -> Message:
    if _flag(arguments, "include_all_metadata"):
        return message
    return {key: value for key, value in message.items() if key != "metadata"}
