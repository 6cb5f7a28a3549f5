"""One line of a backend log: plain JSON or OpenTelemetry's export, flattened to attributes and read as an event delivery; pure.

Here: shapes of lines, times in every usual unit, the envelope. Not here: files (`backend_logs`), which line is which event
(`uam_platform.policy.logs`).

OpenTelemetry's file exporter writes one export request per line: resourceLogs -> scopeLogs -> logRecords, times as text of
nanoseconds, attributes as key/value lists. Attributes of the resource hold for all its records.
https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from uam_platform.policy.logs import ENVELOPE, LogPolicy

Delivery = dict[str, str | None]
"""Values of DELIVERY_COLUMNS; what is absent is null."""


class BrokenLine(dict[str, str | None]):
    """The delivery of what is no record; a class of its own, so that no record can pretend to be one."""


LEFT_OUT: Final[Delivery] = {}
"""Stands for a line that no rule wants."""

_RAW_CHARACTERS: Final = 2000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS: Final = ((1e17, 1000), (1e14, 1), (1e11, 1 / 1000), (0, 1 / 1_000_000))
"""(least number, its units per microsecond): nanoseconds, microseconds, milliseconds, seconds of this century."""


def flat_lines(lines: Iterable[bytes | BrokenLine]) -> Iterator[dict[str, Any]]:
    """Attributes of every record of every line; a line that is no JSON object becomes a broken delivery."""
    for line in lines:
        if isinstance(line, BrokenLine):
            yield line
            continue
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            yield broken("truncated" if text.lstrip().startswith("{") else "not_json", text)
        elif isinstance(found.get("resourceLogs"), list):
            yield from _otlp(found["resourceLogs"])
        else:
            yield _flat(found)


def broken(reason: str, text: str) -> BrokenLine:
    """The delivery of what is no record."""
    return BrokenLine(parse_error=reason, raw_line=text[:_RAW_CHARACTERS])


def deliveries_of(line: dict[str, Any], policy: LogPolicy) -> Delivery:
    """The delivery of one flattened line; LEFT_OUT where no rule wants it. A broken one stays as it is.

    A line without user is of its workspace's backend: such actors are no persons and belong to the workspace.
    """
    if isinstance(line, BrokenLine):
        return line
    event = policy.event_of(line)
    if event is None:
        return LEFT_OUT
    found: Delivery = {name: _text(policy.value(line, name)) for name in ENVELOPE}
    if found["user_id"] is None and found["anonymous_id"] is None and (found["workspace_id"] or found["account_id"]):
        found["anonymous_id"] = f"backend:{found['workspace_id'] or found['account_id']}"
    found["duration_ms"] = _whole(found["duration_ms"])
    found["workflow_id"] = policy.run_of(line)
    return found | {
        "message_id": f"{policy.line_id(line) or _content(line)}/{event}",
        "kind": "track",
        "event_name": event,
        "side": "server",
        "occurred_text": time_text(policy.value(line, "occurred_at")),
        "received_text": time_text(policy.value(line, "received_at")),
    }


def time_text(value: Any) -> str | None:
    """ISO 8601 in UTC of a time; numbers are seconds, milliseconds, microseconds or nanoseconds since 1970 by their size.

    What cannot be read stays as it is, so that staging sees it.
    """
    text = _text(value)
    if text is None or not re.fullmatch(r"\d{9,20}(\.\d+)?", text):
        return text
    number = float(text) if "." in text else int(text)
    per_us = next(units for least, units in _UNITS if number >= least)
    microseconds = int(number // per_us) if per_us >= 1 else round(number / per_us)
    try:
        return (_EPOCH + timedelta(microseconds=microseconds)).isoformat(timespec="microseconds").replace("+00:00", "Z")
    except OverflowError:
        return text


def _otlp(resources: list[Any]) -> Iterator[dict[str, Any]]:
    for resource in _mappings(resources):
        about = resource.get("resource")
        shared = _attributes(about.get("attributes")) if isinstance(about, Mapping) else {}
        for scope in _mappings(resource.get("scopeLogs")):
            for record in _mappings(scope.get("logRecords")):
                yield shared | _record(record)


def _mappings(listed: Any) -> list[Mapping[str, Any]]:
    """The objects of a list; nothing where it is no list."""
    return [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []


def _record(record: Mapping[str, Any]) -> dict[str, Any]:
    body = _value(record.get("body"))
    found: dict[str, Any] = {
        **(_flat(body) if isinstance(body, dict) else {"body": body}),
        **_attributes(record.get("attributes")),
    }
    own = {
        "timestamp": _nanoseconds(record.get("timeUnixNano")) or _nanoseconds(record.get("observedTimeUnixNano")),
        "observed_at": _nanoseconds(record.get("observedTimeUnixNano")),
        "severity_text": record.get("severityText"),
        "trace_id": record.get("traceId"),
        "span_id": record.get("spanId"),
    }
    return found | {name: value for name, value in own.items() if value not in (None, "")}


def _nanoseconds(value: Any) -> str | None:
    """A time in nanoseconds as text; 0 stands for unknown."""
    text = _text(value)
    return None if text in (None, "0") else text


def _attributes(listed: Any) -> dict[str, Any]:
    pairs = [each for each in _mappings(listed) if "key" in each]
    return _flat({str(each["key"]): _value(each.get("value")) for each in pairs})


def _value(wrapped: Any) -> Any:
    """Value of an OpenTelemetry AnyValue."""
    if not isinstance(wrapped, Mapping) or not wrapped:
        return wrapped
    kind, value = next(iter(wrapped.items()))
    if kind == "kvlistValue":
        return _attributes(value.get("values")) if isinstance(value, Mapping) else None
    if kind == "arrayValue":
        return [_value(each) for each in _mappings(value.get("values"))] if isinstance(value, Mapping) else None
    return value


def _flat(nested: Mapping[str, Any], prefix: str = "", depth: int = 3) -> dict[str, Any]:
    """Attributes with dotted names; lists and what lies deeper stay as JSON text."""
    found: dict[str, Any] = {}
    for name, value in nested.items():
        if isinstance(value, Mapping) and depth:
            found |= _flat(value, f"{prefix}{name}.", depth - 1)
        else:
            found[f"{prefix}{name}"] = value
    return found


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode()
    return str(value)


def _whole(text: str | None) -> str | None:
    """Whole milliseconds; what is no number stays as it is."""
    return str(int(float(text))) if text and re.fullmatch(r"\d+\.\d+", text) else text


def _content(line: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(line, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
