"""How event rows travel: clocks, delays, retries, blockers, spoiled lines.

Belongs here: times of a delivery and the dirt on it. Does not belong here: what was done (``actions``) or how a delivery
is printed (``deliveries``).
"""

import numpy as np

from uam_platform.simulation.world.clock import DAY_US, HOUR_US, SECOND_US, START_US, Array
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.people import Devices, People
from uam_platform.simulation.world.product import DEFECTS, EVENTS, VARIANTS
from uam_platform.simulation.world.rows import CLIENT, SERVER, TRACK, Rows, take
from uam_platform.simulation.world.sessions import Sessions

EVENT_NAMES: tuple[str, ...] = (*EVENTS, *(variant for name in EVENTS for variant in VARIANTS.get(name, ())))
_VARIANT_COUNT = np.array([len(VARIANTS.get(name, ())) for name in EVENTS], dtype=np.int64)
_NEEDS_EVENT, _NEEDS_USER = DEFECTS.index("missing_event"), DEFECTS.index("user_id_number")
_LONGEST_DELAY_DAYS = 9.0


def _variant_starts() -> Array:
    return len(EVENTS) + np.concatenate([[0], np.cumsum(_VARIANT_COUNT)[:-1]]).astype(np.int64)


def send(
    rows: Rows, sessions: Sessions, people: People, devices: Devices, first_event_no: int, vector: Difficulty,
    rng: np.random.Generator,
) -> tuple[Rows, Rows]:  # fmt: skip
    """Return (deliveries, events that a blocker swallowed); both carry ``event_no``, ``person``, ``account``.

    Every delivery has its true ``occurred_us``, the device's ``original_us`` and ``sent_us`` and the server's
    ``received_us``; retries and replays repeat ``message`` and ``event_no``.
    """
    events = _attach(rows, sessions, first_event_no)
    events = take(events, np.flatnonzero(events["occurred_us"] >= START_US))
    blocked = people.is_blocked[events["person"]] & (events["side"] == CLIENT)
    lost = take(events, blocked)
    sent = _clocks(take(events, ~blocked), sessions, devices, vector, rng)
    sent["message"] = rng.integers(0, 256, (len(sent["event_no"]), 16), dtype=np.uint8)
    sent["delivered_event"] = _names(sent, devices, rng)
    sent["is_duplicate"] = np.zeros(len(sent["event_no"]), dtype=bool)
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
    pick = _variant_starts()[event] + np.floor(rng.random(len(event)) * np.maximum(count, 1)).astype(np.int64)
    return np.where(varies, pick, event)


def _with_repeats(events: Rows, vector: Difficulty, rng: np.random.Generator) -> Rows:
    count = len(events["event_no"])
    again = np.flatnonzero(rng.random(count) < vector.duplicate_share / (1 - vector.duplicate_share))
    copies = take(events, again)
    seconds = rng.integers(2, 31, len(again)) * SECOND_US
    hours = (np.exp(rng.normal(2.3, 1.3, len(again))) * HOUR_US).astype(np.int64)
    shift = np.where(rng.random(len(again)) < 0.65, seconds, np.minimum(hours, 8 * DAY_US) // 1_000 * 1_000)
    copies["sent_us"] = copies["sent_us"] + shift
    copies["received_us"] = copies["received_us"] + shift
    copies["is_duplicate"] = np.ones(len(again), dtype=bool)
    return {name: np.concatenate([values, copies[name]]) for name, values in events.items()}


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
