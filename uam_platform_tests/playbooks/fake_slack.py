"""A Slack that keeps messages and misbehaves as told: the part of slack_sdk's WebClient that deliveries use."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from slack_sdk.errors import SlackApiError

FAULTS = (
    "ok",
    "429",
    "429_no_retry_after",
    "500",
    "500_after_commit",
    "timeout",
    "timeout_after_commit",
    "cut_after_commit",
    "internal_error_after_commit",
    "crash",
    "crash_after_commit",
    "refused_connection",
)


class Crash(BaseException):
    """The process dies here: nothing after it runs."""


class Answer:
    """What slack_sdk hands over with an error."""

    def __init__(self, status_code: int, data: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self.status_code = status_code
        self.data = data
        self.headers = headers or {}

    def __repr__(self) -> str:
        return f"{self.status_code} {self.data.get('error', '')}"


class FakeSlack:
    """Messages by channel; each call takes the next fault of `plan`, and works once the plan is used up."""

    def __init__(self, plan: list[str] | None = None, page_size: int = 2) -> None:
        self.plan = plan or []
        self.page_size = page_size
        self.messages: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.commits: Counter[str] = Counter()
        self.replies: Counter[str] = Counter()
        self.retry_handlers: list[object] = [object()]
        self.refuses: dict[str, str] = {}

    def chat_postMessage(self, **content: Any) -> dict[str, Any]:
        def commit() -> dict[str, Any]:
            ts = f"17000000{len(self.messages):02d}.000100"
            self.messages.append({**content, "ts": ts})
            counter = self.replies if content.get("thread_ts") else self.commits
            counter[content["metadata"]["event_payload"]["id"]] += 1
            return {"ok": True, "channel": content["channel"], "ts": ts}

        return self._call("post", content, commit)

    def chat_update(self, **content: Any) -> dict[str, Any]:
        def commit() -> dict[str, Any]:
            message = next(m for m in self.messages if m["ts"] == content["ts"])
            message.update(content)
            self.commits[content["metadata"]["event_payload"]["id"]] += 1
            return {"ok": True, "channel": content["channel"], "ts": content["ts"]}

        return self._call("update", content, commit)

    def conversations_history(self, **arguments: Any) -> dict[str, Any]:
        def read() -> dict[str, Any]:
            inside = [m for m in reversed(self.messages) if m["channel"] == arguments["channel"]]
            found = [m for m in inside if not m.get("thread_ts")]
            return self._page(found, arguments)

        return self._call("history", arguments, read)

    def conversations_replies(self, **arguments: Any) -> dict[str, Any]:
        def read() -> dict[str, Any]:
            thread = arguments["ts"]
            found = [m for m in self.messages if thread in (m["ts"], m.get("thread_ts"))]
            return self._page(found, arguments)

        return self._call("replies", arguments, read)

    def _page(self, found: list[dict[str, Any]], arguments: dict[str, Any]) -> dict[str, Any]:
        start = int(arguments.get("cursor") or 0)
        shown = found[start : start + self.page_size]
        has_more = len(found) > start + self.page_size
        following = str(start + self.page_size) if has_more else ""
        kept = [m if arguments.get("include_all_metadata") else {**m, "metadata": None} for m in shown]
        return {"messages": kept, "has_more": has_more, "response_metadata": {"next_cursor": following}}

    def _call(self, name: str, arguments: dict[str, Any], act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        self.calls.append(name)
        word = self.refuses.get(arguments["channel"])
        if word:
            raise SlackApiError("refused", Answer(200, {"ok": False, "error": word}))
        fault = self.plan.pop(0) if self.plan else "ok"
        answer = act() if fault == "ok" or fault.endswith("after_commit") else {}
        if fault == "ok":
            return answer
        raise _ERRORS[fault.removesuffix("_after_commit")]()


_ERRORS: dict[str, Callable[[], BaseException]] = {
    "429": lambda: SlackApiError("", Answer(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "3"})),
    "429_no_retry_after": lambda: SlackApiError("", Answer(429, {"ok": False, "error": "ratelimited"})),
    "500": lambda: SlackApiError(
        "", Answer(500, {"ok": False, "error": "Received a response in a non-JSON format: <"})
    ),
    "cut": lambda: SlackApiError(
        "", Answer(200, {"ok": False, "error": 'Received a response in a non-JSON format: {"ok'})
    ),
    "internal_error": lambda: SlackApiError("", Answer(200, {"ok": False, "error": "internal_error"})),
    "timeout": lambda: TimeoutError("timed out"),
    "refused_connection": lambda: ConnectionRefusedError("connection refused"),
    "crash": Crash,
}
