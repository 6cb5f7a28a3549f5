"""How event rows travel: clocks, delays, retries, blockers, spoiled lines.

Belongs here: times of a delivery and the dirt on it. Does not belong here: what was done (``actions``), what the
installed front end does to it (``clients``) or how a delivery is printed (``deliveries``).
"""

import numpy as np

from uam_platform.simulation.world.clients import RENAMED, Clients, drifted, lacking, version_of
from uam_platform.simulation.world.clock import DAY_US, HOUR_US, SECOND_US, START_US, Array
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.people import Devices, People
from uam_platform.simulation.world.product import DEFECTS, EVENTS, VARIANTS
from uam_platform.simulation.world.rows import CLIENT, SERVER, TRACK, Rows, take
from uam_platform.simulation.world.sessions import Sessions

EVENT_NAMES: tuple[str, ...] = (
    *EVENTS,
    *(variant for name in EVENTS for variant in VARIANTS.get(name, ())),
    *RENAMED.values(),
)
REPEAT_KINDS = ("none", "retry", "replay", "reenveloped")
LOSS_REASONS = ("blocked", "blocked_browser", "vanished")
NONE, RETRY, REPLAY, REENVELOPED = range(4)
_BLOCKED, _BLOCKED_BROWSER, _VANISHED = range(3)
_VARIANT_COUNT = np.array([len(VARIANTS.get(name, ())) for name in EVENTS], dtype=np.int64)
_VARIANT_START = len(EVENTS) + np.concatenate([[0], np.cumsum(_VARIANT_COUNT)[:-1]]).astype(np.int64)
_NEEDS_EVENT, _NEEDS_USER = DEFECTS.index("missing_event"), DEFECTS.index("user_id_number")
_LONGEST_DELAY_DAYS, _LONGEST_REPLAY_DAYS = 9, 14
_RETRY_SHARE = 0.65
_FIRST_LOT = 10


def send(
    rows: Rows, sessions: Sessions, people: People, devices: Devices, clients: Clients, first_event_no: int,
    vector: Difficulty, rng: np.random.Generator,
) -> tuple[Rows, Rows]:  # fmt: skip
    """Return (deliveries, events that never left the client); both carry ``event_no``, ``person``, ``account``.

    Every delivery has its true ``occurred_us``, the device's ``original_us`` and ``sent_us`` and the server's
    ``received_us``; retries and replays repeat ``message`` and ``event_no``, re-enveloped ones only ``event_no``. Lost
    events carry ``reason``, an index of ``LOSS_REASONS``.
    """
    events = _installed(_attach(rows, sessions, first_event_no), devices, clients)
    touched = drifted(clients, events)
    reason = _reasons(events, people, clients)
    for drift, where in touched:
        if drift.renamed_to is None:
            reason[where] = np.where(reason[where] < 0, _VANISHED, reason[where])
    events["delivered_event"] = _names(events, devices, rng)
    for drift, where in touched:
        if drift.renamed_to is not None:
            events["delivered_event"][where] = EVENT_NAMES.index(drift.renamed_to)
    is_visible = events["occurred_us"] >= START_US
    gone = np.flatnonzero(is_visible & (reason >= 0))
    lost = take(events, gone) | {"reason": reason[gone]}
    sent = _clocks(take(events, np.flatnonzero(is_visible & (reason < 0))), sessions, devices, vector, rng)
    count = len(sent["event_no"])
    sent["message"] = rng.integers(0, 256, (count, 16), dtype=np.uint8)
    sent["lot"] = sent["message"][:, _FIRST_LOT : _FIRST_LOT + 5].copy()
    sent["repeat"] = np.zeros(count, dtype=np.int8)
    return _spoil(_with_repeats(sent, vector, rng), vector, rng), lost


def _attach(rows: Rows, sessions: Sessions, first_event_no: int) -> Rows:
    session = rows["session"]
    events = {name: values for name, values in rows.items() if name not in ("session", "offset_us")}
    events["event_no"] = first_event_no + np.arange(len(session), dtype=np.int64)
    events["occurred_us"] = sessions.start_us[session] + rows["offset_us"]
    for name in ("person", "account", "workspace", "anonymous", "device", "role"):
        events[name] = getattr(sessions, name)[session]
    is_server = rows["side"] == SERVER
    events["is_known"] = is_server | (sessions.is_known[session] & (rows["is_anonymous"] == 0))
    events["anonymous"] = np.where(is_server, -1, events["anonymous"])
    events["visit"] = session
    return events


def _installed(events: Rows, devices: Devices, clients: Clients) -> Rows:
    day = (events["occurred_us"] - START_US) / DAY_US
    version = version_of(clients, devices, events["device"], events["side"], day)
    return events | {"version": version, "lacks": lacking(clients, version, events["device"], events["side"])}


def _reasons(events: Rows, people: People, clients: Clients) -> Array:
    is_client = events["side"] == CLIENT
    reason = np.full(len(is_client), -1, dtype=np.int8)
    reason[is_client & clients.blocks[events["device"]]] = _BLOCKED_BROWSER
    reason[is_client & people.is_blocked[events["person"]]] = _BLOCKED
    return reason


def _clocks(events: Rows, sessions: Sessions, devices: Devices, vector: Difficulty, rng: np.random.Generator) -> Rows:
    count = len(events["event_no"])
    is_client = events["side"] == CLIENT
    skew = np.where(is_client, devices.skew_us[events["device"]], 0)
    flush = np.where(is_client, rng.integers(0, 5_000_000, count), rng.integers(0, 900_000, count))
    wait = flush + _late(events, sessions, devices, vector, rng)
    latency = (np.exp(rng.normal(11.9, 0.5, count))).astype(np.int64)
    milli = 1_000
    occurred = events["occurred_us"] // milli * milli
    events["occurred_us"] = occurred
    events["original_us"] = occurred + skew
    events["sent_us"] = (occurred + wait) // milli * milli + skew
    events["received_us"] = (occurred + wait) // milli * milli + latency // milli * milli
    return events


def _late(events: Rows, sessions: Sessions, devices: Devices, vector: Difficulty, rng: np.random.Generator) -> Array:
    is_mobile = (devices.kind[events["device"]] > 0) & (events["side"] == CLIENT)
    chance = min(0.6, vector.late_share / max(0.02, float(is_mobile.mean()) if len(is_mobile) else 1.0))
    is_late = rng.random(sessions.count) < chance
    hours = np.exp(rng.normal(2.2, 1.1, sessions.count))
    delay = np.minimum(hours * HOUR_US, _LONGEST_DELAY_DAYS * DAY_US).astype(np.int64)
    return np.where(is_mobile & is_late[events["visit"]], delay[events["visit"]], 0)


def _names(events: Rows, devices: Devices, rng: np.random.Generator) -> Array:
    event = events["event"].astype(np.int64)
    count = np.where(event >= 0, _VARIANT_COUNT[event], 0)
    sloppy_client = (events["side"] == CLIENT) & devices.is_sloppy[events["device"]]
    sloppy_server = (events["side"] == SERVER) & (events["account"] % 17 == 3)
    varies = (sloppy_client | sloppy_server) & (count > 0) & (rng.random(len(event)) < 0.8)
    pick = _VARIANT_START[event] + np.floor(rng.random(len(event)) * np.maximum(count, 1)).astype(np.int64)
    return np.where(varies, pick, event).astype(np.int16)


def _with_repeats(events: Rows, vector: Difficulty, rng: np.random.Generator) -> Rows:
    count = len(events["event_no"])
    again = np.flatnonzero(rng.random(count) < vector.duplicate_share / (1 - vector.duplicate_share))
    copies = take(events, again)
    seconds = rng.integers(2, 31, len(again)) * SECOND_US
    hours = (np.exp(rng.normal(2.3, 1.3, len(again))) * HOUR_US).astype(np.int64)
    is_retry = rng.random(len(again)) < _RETRY_SHARE
    shift = np.where(is_retry, seconds, np.minimum(hours, _LONGEST_REPLAY_DAYS * DAY_US) // 1_000 * 1_000)
    copies["repeat"] = np.where(is_retry, RETRY, REPLAY).astype(np.int8)
    parts = [events, _shifted(copies, shift), _reenveloped(events, vector, rng)]
    return {name: np.concatenate([part[name] for part in parts]) for name in events}


def _reenveloped(events: Rows, vector: Difficulty, rng: np.random.Generator) -> Rows:
    """Return server events that a webhook delivered once more under a new message id, hours or days later."""
    is_server = events["side"] == SERVER
    share = float(is_server.mean()) if len(is_server) else 1.0
    again = np.flatnonzero(is_server & (rng.random(len(is_server)) < vector.reenveloped_share / max(share, 0.05)))
    copies = take(events, again)
    copies["message"] = rng.integers(0, 256, (len(again), 16), dtype=np.uint8)
    copies["repeat"] = np.full(len(again), REENVELOPED, dtype=np.int8)
    hours = np.minimum(np.exp(rng.normal(2.8, 1.0, len(again))), 24 * _LONGEST_REPLAY_DAYS)
    return _shifted(copies, (hours * HOUR_US).astype(np.int64) // 1_000 * 1_000)


def _shifted(copies: Rows, shift: Array) -> Rows:
    copies["sent_us"] = copies["sent_us"] + shift
    copies["received_us"] = copies["received_us"] + shift
    return copies


def _spoil(deliveries: Rows, vector: Difficulty, rng: np.random.Generator) -> Rows:
    count = len(deliveries["event_no"])
    defect = np.full(count, -1, dtype=np.int8)
    bad = np.flatnonzero(rng.random(count) < vector.malformed_share)
    kind = rng.integers(0, len(DEFECTS), len(bad))
    kind = np.where((kind == _NEEDS_EVENT) & (deliveries["type"][bad] != TRACK), 0, kind)
    kind = np.where((kind == _NEEDS_USER) & ~deliveries["is_known"][bad], 0, kind)
    defect[bad] = kind
    deliveries["defect"] = defect
    return deliveries
