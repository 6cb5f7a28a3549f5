"""Selection of keys for ListObjectsV2: prefix, delimiter, paging.

Belongs here: which keys and common prefixes one page holds. Does not belong here: XML (`s3_xml.py`) and files
(`segment_archive.py`).
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from uam_platform.simulation.sandbox.segment_archive import ArchivedObject, SegmentArchive

_MAX_KEYS: Final = 1000
_AFTER_ALL: Final = "\U0010ffff"
"""Sorts after every character a key can hold, so that a page may continue after a whole common prefix."""


@dataclass(frozen=True)
class ListRequest:
    """Parameters of one ListObjectsV2 call."""

    prefix: str = ""
    delimiter: str = ""
    token: str = ""
    start_after: str = ""
    max_keys: int = _MAX_KEYS


@dataclass
class Listing:
    """One page: objects, common prefixes, and the token of the next page when there is one."""

    objects: list[ArchivedObject] = field(default_factory=list)
    common_prefixes: list[str] = field(default_factory=list)
    next_token: str | None = None


def parse(query: Mapping[str, str]) -> ListRequest:
    """Read the query parameters.

    Raises:
        ValueError: When max-keys is no number or the continuation token is not one of ours.
    """
    asked = ListRequest(
        prefix=query.get("prefix", ""),
        delimiter=query.get("delimiter", ""),
        token=query.get("continuation-token", ""),
        start_after=query.get("start-after", ""),
        max_keys=min(_MAX_KEYS, int(query.get("max-keys", _MAX_KEYS))),
    )
    if asked.max_keys < 0:
        raise ValueError("max-keys must not be negative")
    _position(asked)
    return asked


def page(archive: SegmentArchive, asked: ListRequest) -> Listing:
    """Select one page of keys in key order."""
    position = _position(asked)
    return _fill(archive.from_key(max(asked.prefix, position)), asked, position)


def stalled_page(asked: ListRequest) -> Listing:
    """Return a page without keys that still points on, as S3 may answer at any time."""
    return Listing(next_token=asked.token or _token(asked.start_after or asked.prefix))


def _fill(candidates: Iterable[ArchivedObject], asked: ListRequest, position: str) -> Listing:
    found = Listing()
    last = ""
    for item in candidates:
        if not item.key.startswith(asked.prefix):
            break
        group = _group(item.key, asked)
        if item.key == position or (group and found.common_prefixes[-1:] == [group]):
            continue
        if len(found.objects) + len(found.common_prefixes) >= asked.max_keys:
            found.next_token = _token(last) if last else None
            break
        if group:
            found.common_prefixes.append(group)
        else:
            found.objects.append(item)
        last = group + _AFTER_ALL if group else item.key
    return found


def _group(key: str, asked: ListRequest) -> str:
    """Return the common prefix a key falls under, or nothing."""
    rest = key[len(asked.prefix) :]
    if not asked.delimiter or asked.delimiter not in rest:
        return ""
    return asked.prefix + rest[: rest.index(asked.delimiter) + len(asked.delimiter)]


def _position(asked: ListRequest) -> str:
    """Return the key after which the page starts."""
    if not asked.token:
        return asked.start_after
    try:
        return base64.urlsafe_b64decode(asked.token.encode()).decode()
    except (binascii.Error, UnicodeError) as problem:
        raise ValueError("the continuation token provided is incorrect") from problem


def _token(position: str) -> str:
    return base64.urlsafe_b64encode(position.encode()).decode()
