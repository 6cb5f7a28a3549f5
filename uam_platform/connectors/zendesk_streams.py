"""Which streams of Zendesk are read, and how each is paged.

Here: the declared streams. Not here: walking their pages (`zendesk_pages`), sending (`zendesk_session`), landing (`zendesk`).

- `cursor`: incremental export that continues after an opaque cursor.
- `time`: incremental export that repeats the boundary second, so it starts again a little before the last `end_time`. It ends on
  `end_of_stream` and never on an empty page (a page can be empty in the middle). Metric events tell no end: there a page that is
  not full is the last one.
- `list`: a listing filtered by creation and paged by `page[after]`; read again from so far back that what changes later is seen.
- `chat`: the export of Zendesk Chat, ordered by last change, continued by time and id.

https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/
https://developer.zendesk.com/api-reference/live-chat/chat-api/incremental_export/
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

_MINUTE: Final = 60
_DAY: Final = 24 * 60 * _MINUTE
FULL_PAGE: Final = 1000


@dataclass(frozen=True)
class Export:
    """One stream.

    Attributes:
        source_object: name of its records.
        path: below /api/v2/.
        items: key of the records in the answer.
        style: how it is paged.
        modified: field that Zendesk orders the stream by; epoch seconds are landed as ISO 8601.
        params: further query parameters, such as a sideload that adds content to the records.
        look_back_seconds: how far before its last position the next read begins.
        tells_end: the answer says whether it is the last one.
        is_optional: an account may lack it or refuse it; its absence is reported.
    """

    source_object: str
    path: str
    items: str
    style: Literal["cursor", "time", "list", "chat"]
    modified: str
    params: Mapping[str, str] = field(default_factory=dict)
    look_back_seconds: int = 5 * _MINUTE  # rows commit late with an older second
    tells_end: bool = True
    is_optional: bool = False


TICKETS: Final = Export("ticket", "incremental/tickets/cursor.json", "tickets", "cursor", "generated_timestamp")
CHATS: Final = Export(
    "chat",
    "chat/incremental/chats",
    "chats",
    "chat",
    "update_timestamp",
    params={"fields": "chats(*)"},
    tells_end=False,
    is_optional=True,
)
EXPORTS: Final = (
    Export("organization", "incremental/organizations.json", "organizations", "time", "updated_at"),
    Export("user", "incremental/users/cursor.json", "users", "cursor", "updated_at"),
    TICKETS,
    Export(
        "ticket_event",
        "incremental/ticket_events.json",
        "ticket_events",
        "time",
        "created_at",
        params={"include": "comment_events"},
    ),
    Export(
        "ticket_metric_event",
        "incremental/ticket_metric_events.json",
        "ticket_metric_events",
        "time",
        "time",
        params={"include_changes": "true"},  # retractions come too
        tells_end=False,
    ),
    Export(
        "satisfaction_rating",
        "satisfaction_ratings.json",
        "satisfaction_ratings",
        "list",
        "updated_at",
        look_back_seconds=28
        * _DAY,  # a rating can be answered until its ticket closes, 28 days after the solution at most
        is_optional=True,
    ),
)
CONVERSATION_EVENT: Final = "conversation_event"
"""Records of the conversation logs of messaging tickets: one call for each such ticket that changed."""
