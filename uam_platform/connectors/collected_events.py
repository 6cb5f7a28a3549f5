"""Turns what vendors' clients sent to the collector into Segment's shape, so that one decoder serves all of them; pure.

Here: which of a vendor's fields means what. Not here: the decoder (`segment_lines`), the journal and loads (`collector`), what a name means
(`uam_platform.staging`). Sources of the shapes stand at each function.

The side is that of the sender's key, whatever the event says. Ids of events are made unique by the source's name in front, for
vendors' ids are unique within one source only. Fields of any type may come; what cannot be what it should be is left out.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from uam_platform.connectors import collected_vendors as vendors
from uam_platform.contracts import collected

Shape = dict[str, Any]

_READERS: Final[Mapping[str, Callable[[Shape], Shape]]] = {
    collected.POSTHOG: vendors.posthog,
    collected.AMPLITUDE: vendors.amplitude,
    collected.MIXPANEL: vendors.mixpanel,
    collected.MIXPANEL_PROFILE: vendors.mixpanel_profile,
    collected.MIXPANEL_GROUP: vendors.mixpanel_group,
}


def in_segments_shape(line: Mapping[str, Any]) -> Any:
    """The event of one journal line as Segment would have archived it.

    Args:
        line: `uam_platform.contracts.collected.EVENT`.

    Returns:
        An object of Segment's common shape; what is no object comes back as it is, for the decoder to set aside.
    """
    body, received_at, sent_at = line["body"], line["received_at"], line["sent_at"]
    if not isinstance(body, dict):
        return body
    dialect = line["dialect"]
    if dialect == collected.SEGMENT:
        event = _segment(body, sent_at)
    elif dialect == collected.SEGMENT_WEBHOOK:
        event = _relayed(body)
    else:
        event = {"originalTimestamp": None, "sentAt": sent_at, **_READERS[dialect](body)}
        if event["originalTimestamp"] is None:
            event["originalTimestamp"] = vendors.aged(body, received_at)
        event["timestamp"] = event["originalTimestamp"]
    if event["timestamp"] is None:  # no time of its own: it happened when it came, as with every vendor
        event["timestamp"], event["originalTimestamp"] = received_at, None
    if (message_id := vendors.identifier(event.get("messageId"))) is not None:
        event["messageId"] = f"{line['source']}/{message_id}"
    else:
        event["messageId"] = None
    return {**event, "receivedAt": received_at, "channel": line["side"]}


def _segment(body: Shape, sent_at: str | None) -> Shape:
    """https://segment.com/docs/connections/spec/common/."""
    original = body.get("originalTimestamp") or body.get("timestamp")
    return {**body, "originalTimestamp": original, "timestamp": original, "sentAt": body.get("sentAt") or sent_at}


def _relayed(body: Shape) -> Shape:
    """An event that Segment's webhook destination passes on: its `timestamp` is repaired already, its receipt was Segment's.

    The documented example of an alias names its keys in words: https://segment.com/docs/connections/destinations/catalog/webhooks/
    """
    named = {"previousId": body.get("Previous ID"), "userId": body.get("User ID")}
    found = {**{key: value for key, value in named.items() if value is not None}, **body}
    time = body.get("timestamp") or body.get("originalTimestamp")
    return {**found, "timestamp": time, "originalTimestamp": None, "sentAt": None}
