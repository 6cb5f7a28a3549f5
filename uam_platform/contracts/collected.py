"""What the collector writes into its journal, one JSON object a line, and its connector reads out of it.

Here: names of the fields and the kinds of lines; data only. Not here: the journal's files (`uam_platform.lake.journal`), vendors' shapes
(`uam_platform.connectors.collected_events`).
"""

from typing import Final

EVENT: Final = "event"
"""One event as the vendor's client sent it: source, side, dialect, received_at, sent_at (null), body."""
RECORD: Final = "record"
"""One webhook delivery: source, object, id, modified_at (null), received_at, body."""
REFUSED: Final = "refused"
"""What a known sender sent and nobody can read: source, dialect, reason, received_at, text (base64 where it is no UTF-8)."""

SEGMENT: Final = "segment"
POSTHOG: Final = "posthog"
AMPLITUDE: Final = "amplitude"
MIXPANEL: Final = "mixpanel"
MIXPANEL_PROFILE: Final = "mixpanel_profile"
MIXPANEL_GROUP: Final = "mixpanel_group"
SEGMENT_WEBHOOK: Final = "segment_webhook"
DIALECTS: Final = (SEGMENT, POSTHOG, AMPLITUDE, MIXPANEL, MIXPANEL_PROFILE, MIXPANEL_GROUP, SEGMENT_WEBHOOK)

BASE64: Final = "base64:"
"""Begins a refused text whose bytes are no UTF-8."""
