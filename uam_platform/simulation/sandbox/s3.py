"""The company's buckets over the S3 protocol: ListObjectsV2, GET with ranges, HEAD.

Belongs here: HTTP. Does not belong here: signatures (`s3_signature.py`), listings (`s3_listing.py`, `s3_xml.py`), files
(`segment_archive.py`, `exports.py`). Buckets are read-only and path-style at the root of the server.
"""

import re
from collections.abc import Mapping
from email.utils import format_datetime
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from uam_platform.simulation.sandbox import s3_listing, s3_signature, s3_xml
from uam_platform.simulation.sandbox.credentials import S3_ACCESS_KEY, S3_SIGNING_KEY
from uam_platform.simulation.sandbox.faults import is_empty_page
from uam_platform.simulation.sandbox.segment_archive import ArchivedObject, SegmentArchive

_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")
_METHODS: Final = ["GET", "HEAD", "PUT", "POST", "DELETE"]


class S3Surface:
    """Serves one index of files per bucket name."""

    def __init__(self, buckets: Mapping[str, SegmentArchive]) -> None:
        self._buckets = buckets

    def routes(self) -> list[BaseRoute]:
        """Routes that take every path no other surface has taken."""
        return [
            Route("/", self.answer, methods=_METHODS),
            Route("/{bucket}", self.answer, methods=_METHODS),
            Route("/{bucket}/{key:path}", self.answer, methods=_METHODS),
        ]

    def answer(self, request: Request) -> Response:
        """Answer one S3 request."""
        refusal = s3_signature.refuse(request, S3_ACCESS_KEY, S3_SIGNING_KEY)
        if refusal is not None:
            return _error(request, refusal.code, refusal.message, refusal.status)
        bucket, key = request.path_params.get("bucket", ""), request.path_params.get("key", "")
        if request.method not in ("GET", "HEAD"):
            return _error(request, "AccessDenied", "Access Denied", 403)
        if bucket not in self._buckets:
            return _error(request, "NoSuchBucket", "The specified bucket does not exist", 404)
        return self._object(request, bucket, key) if key else self._bucket(request, bucket)

    def _bucket(self, request: Request, bucket: str) -> Response:
        if request.method == "HEAD":
            return Response(headers={"x-amz-bucket-region": "us-east-1"})
        if "location" in request.query_params:
            return s3_xml.location()
        try:
            asked = s3_listing.parse(request.query_params)
        except ValueError as problem:
            return _error(request, "InvalidArgument", str(problem), 400)
        found = (
            s3_listing.stalled_page(asked) if is_empty_page(request) else s3_listing.page(self._buckets[bucket], asked)
        )
        return s3_xml.listing(bucket, asked, found)

    def _object(self, request: Request, bucket: str, key: str) -> Response:
        item = self._buckets[bucket].find(key)
        if item is None:
            return _error(request, "NoSuchKey", "The specified key does not exist.", 404)
        try:
            span = _span(request.headers.get("range"), item.size)
        except ValueError as problem:
            return _error(request, "InvalidRange", str(problem), 416)
        return self._content(request, item, self._buckets[bucket].path(item.key), span)

    def _content(self, request: Request, item: ArchivedObject, path: Path, span: tuple[int, int] | None) -> Response:
        first, last = span or (0, item.size - 1)
        headers = _object_headers(item) | {"content-length": str(last - first + 1)}
        if span:
            headers["content-range"] = f"bytes {first}-{last}/{item.size}"
        body = b""
        if request.method == "GET":
            with path.open("rb") as file:
                file.seek(first)
                body = file.read(last - first + 1)
        return Response(body, 206 if span else 200, headers)


def _span(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the first and last byte asked for, or None for the whole object."""
    match = _RANGE.fullmatch(header or "")
    if match is None or match.group(0) == "bytes=-":
        return None
    if match[1]:
        first, last = int(match[1]), min(int(match[2] or size - 1), size - 1)
    else:
        first, last = max(0, size - int(match[2])), size - 1
    if first >= size or first > last:
        raise ValueError("The requested range is not satisfiable")
    return first, last


def _object_headers(item: ArchivedObject) -> dict[str, str]:
    return {
        "content-type": "application/octet-stream",
        "accept-ranges": "bytes",
        "etag": f'"{item.etag}"',
        "last-modified": format_datetime(item.modified_at, usegmt=True),
        "x-amz-request-id": s3_xml.REQUEST_ID,
    }


def _error(request: Request, code: str, message: str, status: int) -> Response:
    return s3_xml.error(code, message, status, request.url.path, has_body=request.method != "HEAD")
