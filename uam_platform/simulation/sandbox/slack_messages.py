"""Messages that Slack holds.

Belongs here: posting, editing and listing of messages, and their durable record. Does not belong here: HTTP and rate
limits (`slack.py`), Block Kit (`slack_blocks.py`). Messages are rebuilt from the journal at start, so a client that
reconciles after a crash of the sandbox finds what it had sent.
"""

import hashlib
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Any, Final

from uam_platform.simulation.sandbox.received import Journal

TEAM_ID: Final = "T0SANDBOX01"
BOT_ID: Final = "B0SANDBOX01"
BOT_USER_ID: Final = "U0SANDBOX01"
APP_ID: Final = "A0SANDBOX01"
TEXT_CHARACTERS: Final = 40_000

Message = dict[str, Any]


class Messages:
    """All messages, grain: (channel, ts).

    Args:
        journal: Where accepted calls are recorded.
        now: Epoch seconds; Slack stamps a message with the time it arrived.
    """

    def __init__(self, journal: Journal, now: Callable[[], float]) -> None:
        self._journal = journal
        self._now = now
        self._lock = threading.Lock()
        self._channels: dict[str, dict[str, Message]] = {}
        self._last_us = 0
        for entry in journal.entries():
            self._channels.setdefault(entry["channel"], {})[entry["ts"]] = entry["message"]
            self._last_us = max(self._last_us, _microseconds(entry["ts"]))

    def post(self, channel: str, content: Message) -> Message:
        """Store a new message and return it; its `ts` is unique and grows."""
        with self._lock:
            self._last_us = max(self._last_us + 1, int(self._now() * 1_000_000))
            ts = f"{self._last_us // 1_000_000}.{self._last_us % 1_000_000:06d}"
            message = {**_sender(), "type": "message", "ts": ts, **_printed(content)}
            self._store("chat.postMessage", channel, message)
        return message

    def edit(self, channel: str, ts: str, content: Message) -> Message | None:
        """Replace text and blocks of a message; None when it is not there."""
        with self._lock:
            known = self._channels.get(channel, {}).get(ts)
            if known is None:
                return None
            edited = {"user": BOT_USER_ID, "ts": f"{int(self._now())}.000000"}
            message = {**known, **_printed(content), "edited": edited}
            self._store("chat.update", channel, message)
        return message

    def newest_first(self, channel: str, oldest: str, latest: str, *, is_inclusive: bool) -> list[Message]:
        """List the messages of a channel between two times, without answers inside threads."""
        stored = self._channels.get(channel, {})
        ordered = sorted(stored, key=_microseconds)
        stamps = [_microseconds(ts) for ts in ordered]
        from_left, to_right = (bisect_left, bisect_right) if is_inclusive else (bisect_right, bisect_left)
        first = from_left(stamps, _microseconds(oldest)) if oldest else 0
        last = to_right(stamps, _microseconds(latest)) if latest else len(ordered)
        messages = [stored[ts] for ts in reversed(ordered[first:last])]
        return [m for m in messages if m.get("thread_ts", m["ts"]) == m["ts"] or m.get("reply_broadcast")]

    def thread(self, channel: str, ts: str) -> list[Message]:
        """A message and the answers to it, oldest first."""
        stored = self._channels.get(channel, {})
        ordered = [stored[key] for key in sorted(stored, key=_microseconds)]
        return [m for m in ordered if ts in (m["ts"], m.get("thread_ts"))]

    def _store(self, method: str, channel: str, message: Message) -> None:
        self._journal.append({"method": method, "channel": channel, "ts": message["ts"], "message": message})
        self._channels.setdefault(channel, {})[message["ts"]] = message


def _microseconds(ts: str) -> int:
    """Read a `ts` exactly; as a float it would lose its last digits.

    Raises:
        ValueError: When the text is no timestamp.
    """
    seconds, _, fraction = ts.partition(".")
    return int(seconds or 0) * 1_000_000 + int((fraction or "0").ljust(6, "0")[:6])


def _sender() -> Message:
    profile = {
        "id": BOT_ID,
        "app_id": APP_ID,
        "user_id": BOT_USER_ID,
        "name": "uam",
        "icons": {},
        "deleted": False,
        "updated": 1_736_121_600,
        "team_id": TEAM_ID,
    }
    return {"user": BOT_USER_ID, "bot_id": BOT_ID, "app_id": APP_ID, "team": TEAM_ID, "bot_profile": profile}


def _printed(content: Message) -> Message:
    """Return what Slack keeps of a call: a plain text becomes a rich text block, every block gets an id."""
    text = str(content.get("text") or "")[:TEXT_CHARACTERS]
    blocks = content.get("blocks") or ([_rich_text(text)] if text else [])
    kept = {
        key: content[key] for key in ("thread_ts", "reply_broadcast", "metadata", "attachments") if content.get(key)
    }
    return {"text": text, "blocks": [_identified(block, index) for index, block in enumerate(blocks)], **kept}


def _rich_text(text: str) -> Message:
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [section]}


def _identified(block: Message, index: int) -> Message:
    return {"block_id": hashlib.sha256(f"{index}/{block}".encode()).hexdigest()[:5], **block}
