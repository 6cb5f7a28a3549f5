"""How Mixpanel's raw export writes an event, for `json_lines`, and the repair of records split over several lines.

Here: the keys of a line and what each means for the envelope. Not here: the export itself (`mixpanel`), repeats (`uam_platform.staging`).
Shape of a line: https://developer.mixpanel.com/reference/raw-event-export

Mixpanel's own identity of an event is (event, distinct_id, time, $insert_id). What another tool passed on keeps that tool's message id.
An `$insert_id` that is missing or no identifier (junk bytes behind it) identifies nothing; then the content does.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from uam_platform.connectors.json_lines import PROPERTIES, TEXT, LineShape, first_value

TERMINATED: Final = "terminated early"
"""What a failed export ends with, under status 200."""

_P: Final = "o.properties"
_FORWARDED: Final = (
    f"(lower(coalesce({_P}.\"$source\", '')) = 'segment' OR starts_with(lower(coalesce({_P}.mp_lib, '')), 'segment'))"
)
_INSERT_ID: Final = f'{_P}."$insert_id"'
_IS_IDENTIFIER: Final = f"regexp_matches({_INSERT_ID}, '^[A-Za-z0-9-]{{1,36}}$')"
_DEVICE: Final = f"nullif({_P}.\"$device_id\", '')"
_DISTINCT: Final = f"nullif({_P}.distinct_id, '')"
_IS_DEVICE: Final = f"(starts_with({_DISTINCT}, '$device:') OR coalesce({_DISTINCT} = {_DEVICE}, false))"
_CLIENT_LIBRARIES: Final = "^(web|iphone|ios|swift|android|react-native|flutter|unity|unreal|mac)"
_SERVER_LIBRARIES: Final = "^(python|node|ruby|java|php|go|elixir|dotnet|rust)"
_PAGES: Final = "('$mp_web_page_view', 'Page View', 'Loaded a Page')"
_SECONDS_BELOW: Final = 100_000_000_000  # smaller numbers are seconds: as milliseconds they would lie before 1974
_ZONE: Final = re.compile(r"[A-Za-z0-9_+\-/]+")
_MOST_PIECES: Final = 20  # lines that are joined to one record at most


def line_shape(workspace_group: str, time_zone: str = "UTC") -> LineShape:
    """Shape of a line of one project.

    Args:
        workspace_group: group key whose value is the product's workspace id; its first value counts.
        time_zone: zone whose wall clock `time` shows as if it were UTC (projects made before 2023); UTC for all others.
    """
    if not _ZONE.fullmatch(time_zone):
        raise ValueError(f"{time_zone!r} is no name of a time zone; expected e.g. Europe/Berlin")
    read = "$insert_id $user_id $device_id $source $identified_id $anon_id $email $os $browser $app_version_string $lib_version".split()
    names = "distinct_id mp_lib time mp_processing_time_ms alias email role account_id".split()
    properties = dict.fromkeys([*names, *read, *PROPERTIES, workspace_group], TEXT)
    group = f'{_P}."' + workspace_group.replace('"', '""') + '"'
    identity = f"concat_ws('|', o.event, {_P}.distinct_id, {_P}.time, {_INSERT_ID})"
    envelope = {
        **{name: f"{_P}.{name}" for name in PROPERTIES},
        "message_id": f"CASE WHEN {_FORWARDED} THEN nullif({_INSERT_ID}, '') WHEN {_IS_IDENTIFIER} THEN {identity} END",
        "kind": f"CASE WHEN o.event = '$identify' THEN 'identify' WHEN o.event = '$create_alias' THEN 'alias' "
        f"WHEN o.event IN {_PAGES} THEN 'page' ELSE 'track' END",
        "event_name": "o.event",
        "user_id": f"CASE WHEN o.event = '$create_alias' THEN {_P}.alias "
        f'ELSE coalesce({_P}."$identified_id", nullif({_P}."$user_id", \'\'), CASE WHEN NOT {_IS_DEVICE} THEN {_DISTINCT} END) END',
        "anonymous_id": f'coalesce({_P}."$anon_id", {_DEVICE}, '
        f"CASE WHEN {_IS_DEVICE} THEN regexp_replace({_DISTINCT}, '^\\$device:', '') END)",
        "previous_id": f"CASE WHEN o.event = '$create_alias' THEN {_DISTINCT} END",
        "workspace_id": f"coalesce({first_value(group)}, {_P}.workspace_id)",
        "account_id": f"{_P}.account_id",
        "email": f'coalesce({_P}."$email", {_P}.email)',
        "role": f"{_P}.role",
        "side": f"CASE WHEN regexp_matches(lower({_P}.mp_lib), '{_CLIENT_LIBRARIES}') THEN 'client' "
        f"WHEN regexp_matches(lower({_P}.mp_lib), '{_SERVER_LIBRARIES}') THEN 'server' "
        f"WHEN {_P}.\"$os\" IS NOT NULL OR {_P}.\"$browser\" IS NOT NULL THEN 'client' ELSE 'server' END",
        "browser": f'lower({_P}."$browser")',
        "app_version": f'coalesce({_P}."$app_version_string", {_P}."$lib_version")',
        "occurred_text": f"coalesce({_moment(f'{_P}.time', time_zone)}, {_P}.time)",
        "received_text": f"coalesce({_moment(f'{_P}.mp_processing_time_ms', 'UTC')}, {_P}.mp_processing_time_ms)",
    }
    return LineShape({"event": TEXT, "properties": properties}, envelope, fields_at="$.properties")


def _moment(number: str, zone: str) -> str:
    """ISO 8601 UTC of epoch seconds or milliseconds that were written by a clock of `zone`; null where it is no number."""
    value = f"try_cast({number} AS DOUBLE)"
    milliseconds = f"round(CASE WHEN abs({value}) < {_SECONDS_BELOW} THEN {value} * 1000 ELSE {value} END)::BIGINT"
    stamp = f"make_timestamp({milliseconds} * 1000)"
    if zone != "UTC":
        stamp = f"timezone('UTC', timezone('{zone}', {stamp}))"
    return f"CASE WHEN abs({value}) < 1e14 THEN strftime({stamp}, '%Y-%m-%dT%H:%M:%S.%gZ') END"


def whole_lines(batches: Iterable[pa.Array]) -> Iterator[pa.Array]:
    """Batches in which a record that stands on several physical lines is one line again.

    A line that begins with a brace and does not close event and properties is joined with those behind it, until the record closes or
    the next one begins; what never closes stays as it is and is set aside by staging.
    """
    for batch in batches:
        bare = pc.utf8_trim_whitespace(batch)
        is_record = pc.and_(pc.starts_with(bare, "{"), pc.ends_with(bare, "}}"))
        yield batch if pc.all(is_record).as_py() is not False else _rejoined(batch)


def _rejoined(batch: pa.Array) -> pa.Array:
    lines: list[str] = []
    held: list[str] = []
    for line in batch.to_pylist():
        begins = line.lstrip().startswith("{")
        if held and (begins or len(held) >= _MOST_PIECES):
            lines += held
            held = []
        if held or (begins and not line.rstrip().endswith("}}")):
            held.append(line)
            if line.rstrip().endswith("}}"):
                lines.append("".join(held))
                held = []
        else:
            lines.append(line)
    return pa.array([*lines, *held], batch.type)
