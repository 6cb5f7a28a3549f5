"""XML answers of the S3 protocol.

Belongs here: rendering listings and errors. Does not belong here: choosing what to list (`s3_listing.py`).
Source: Amazon S3 API reference, ListObjectsV2 and "Error responses".
"""

from datetime import UTC, datetime
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from starlette.responses import Response

from uam_platform.simulation.sandbox.s3_listing import Listing, ListRequest

NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
REQUEST_ID: Final = "SANDBOX000000001"


def error(code: str, message: str, status: int, resource: str, *, has_body: bool = True) -> Response:
    """Answer with an S3 error document; a HEAD request gets only the status."""
    root = Element("Error")
    for name, text in (("Code", code), ("Message", message), ("Resource", resource), ("RequestId", REQUEST_ID)):
        SubElement(root, name).text = text
    return _answer(root, status) if has_body else Response(status_code=status, headers=_headers())


def listing(bucket: str, asked: ListRequest, found: Listing) -> Response:
    """Answer a ListObjectsV2 request."""
    root = Element("ListBucketResult", xmlns=NAMESPACE)
    fields: list[tuple[str, str | None]] = [
        ("Name", bucket),
        ("Prefix", asked.prefix),
        ("Delimiter", asked.delimiter or None),
        ("StartAfter", asked.start_after or None),
        ("ContinuationToken", asked.token or None),
        ("NextContinuationToken", found.next_token),
        ("MaxKeys", str(asked.max_keys)),
        ("KeyCount", str(len(found.objects) + len(found.common_prefixes))),
        ("IsTruncated", "true" if found.next_token else "false"),
    ]
    for name, text in fields:
        if text is not None:
            SubElement(root, name).text = text
    for item in found.objects:
        entry = SubElement(root, "Contents")
        SubElement(entry, "Key").text = item.key
        SubElement(entry, "LastModified").text = _iso(item.modified_at)
        SubElement(entry, "ETag").text = f'"{item.etag}"'
        SubElement(entry, "Size").text = str(item.size)
        SubElement(entry, "StorageClass").text = "STANDARD"
    for prefix in found.common_prefixes:
        SubElement(SubElement(root, "CommonPrefixes"), "Prefix").text = prefix
    return _answer(root, 200)


def location() -> Response:
    """Answer GetBucketLocation; the empty element stands for us-east-1."""
    return _answer(Element("LocationConstraint", xmlns=NAMESPACE), 200)


def _answer(root: Element, status: int) -> Response:
    body: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return Response(body, status, media_type="application/xml", headers=_headers())


def _headers() -> dict[str, str]:
    return {"x-amz-request-id": REQUEST_ID, "x-amz-id-2": "sandbox"}


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
