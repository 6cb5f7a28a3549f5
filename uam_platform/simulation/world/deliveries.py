"""Printing deliveries: from numbers to the columns the vendor would hold, one file per day of receipt.

Belongs here: dictionaries of strings, order, numbering, files, and the true side of each delivery. Does not belong
here: times and dirt (``transport``). Rows that arrive later than the stretch being written are carried to the next.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from uam_platform.simulation.world import product
from uam_platform.simulation.world.clients import FIELDS, Clients
from uam_platform.simulation.world.clock import DAY_US, START_US, Array
from uam_platform.simulation.world.day_files import DayFiles
from uam_platform.simulation.world.people import Devices, People
from uam_platform.simulation.world.population import TIERS, Accounts, workspace_ids
from uam_platform.simulation.world.rows import ALIAS, GROUP, IDENTIFY, SERVER, TRACK, Rows
from uam_platform.simulation.world.schemas import DELIVERIES, LOST_EVENTS, TRUTH_DELIVERIES
from uam_platform.simulation.world.store import Appender, instants, labels, numbered, numbers, uuids
from uam_platform.simulation.world.transport import EVENT_NAMES, LOSS_REASONS, NONE, REPEAT_KINDS

_AREA = np.array([product.AREAS.index(product.AREA_OF.get(name, "home")) for name in product.EVENTS])
_CALL_NAMES = ("page", "identify", "group", "alias")
_TRUE_NAMES = (*product.EVENTS, *_CALL_NAMES)


@dataclass(frozen=True)
class Labels:
    """The strings that codes stand for, as Arrow arrays."""

    user: Any
    person: Any
    anonymous: Any
    workspace: Any
    account: Any
    email: Any


def make_labels(accounts: Accounts, people: People, devices: Devices) -> Labels:
    """Return the dictionaries; e-mail codes are person, or person + count after an address change."""
    # The second name of an account with one workspace is never used, but a dictionary with equal entries is written
    # to Parquet with bytes that differ from run to run.
    spaces = [f"{pair[0][:-1]}{number}" for pair in workspace_ids(accounts) for number in (1, 2)]
    return Labels(
        user=pa.array(
            [people.user_id(person) for person in range(people.count)]
            + [people.next_user_id(person) for person in range(people.count)]
        ),
        person=pa.array([person_id(person) for person in range(people.count)]),
        anonymous=pa.array(devices.anonymous_id),
        workspace=pa.array(spaces),
        account=pa.array(accounts.account_id),
        email=pa.array(people.email + people.later_email),
    )


def person_id(person: int) -> str:
    """Return the true id of a person; it appears nowhere in the company's data."""
    return f"per_{person + 1:06d}"


def login_codes(people: People, rows: Rows) -> Array:
    """Return codes of user ids: the person, or person + count with a new login at the next account."""
    person = rows["person"]
    day = (rows["occurred_us"] - START_US) / DAY_US
    is_new = people.has_new_login[person] & people.is_moved(person, day)
    return np.asarray(person + np.where(is_new, people.count, 0))


class Archive:
    """Writes ``company/deliveries`` day by day and ``truth/deliveries`` beside it; ``names`` are its strings."""

    def __init__(
        self, company: Path, truth: Path, days: int, accounts: Accounts, people: People, devices: Devices, clients: Clients,
        flags: Array,
        flag_names: list[str],
    ) -> None:  # fmt: skip
        self._clients = clients
        self._accounts, self._people, self._devices, self._flags = accounts, people, devices, flags
        self._flag_names = flag_names
        self.names = make_labels(accounts, people, devices)
        self._files = DayFiles(company / "deliveries", DELIVERIES, days)
        self._truth = Appender(truth / "deliveries.parquet", TRUTH_DELIVERIES)
        self._lost = Appender(truth / "lost_events.parquet", LOST_EVENTS)
        self.delivered = 0

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self._truth.__exit__()
        self._lost.__exit__()

    def add(self, deliveries: Rows, lost: Rows, complete_until_day: int) -> None:
        """Take a stretch and write every day of receipt before ``complete_until_day`` that is not yet written."""
        ready = self._files.ready(deliveries, ("event_no", "repeat"), complete_until_day)
        count = len(ready["event_no"])
        ready["delivery_no"] = self.delivered + np.arange(count, dtype=np.int64)
        self.delivered += count
        columns = self._columns(ready)
        self._files.write(columns, ready["received_us"], complete_until_day)
        truth = self._true_columns(ready) | {name: columns[name] for name in ("delivery_no", "message_id", "defect")}
        truth["is_duplicate"] = pa.array(ready["repeat"] != NONE)
        truth["repeat_kind"] = labels(ready["repeat"], REPEAT_KINDS)
        self._truth.append(truth)
        self._lost.append(self._true_columns(lost) | {"reason": labels(lost["reason"], LOSS_REASONS)})

    def _true_columns(self, rows: Rows) -> dict[str, Any]:
        event = rows["event"].astype(np.int64)
        name = np.where(event >= 0, event, len(product.EVENTS) + rows["type"] - 1)
        return {
            "true_event_no": pa.array(rows["event_no"]),
            "true_person_id": labels(rows["person"], self.names.person),
            "true_account_id": labels(rows["account"], self.names.account),
            "true_event_name": labels(name, _TRUE_NAMES),
            "true_occurred_at": instants(rows["occurred_us"]),
        }

    def _columns(self, rows: Rows) -> dict[str, Any]:
        return self._who(rows) | self._what(rows) | self._client(rows) | self._traits(rows)

    def _who(self, rows: Rows) -> dict[str, Any]:
        names, kind = self.names, rows["type"]
        is_known = rows["is_known"] | (kind == IDENTIFY) | (kind == ALIAS) | (kind == GROUP)
        has_group = (is_known & (_lot(rows, 0) < 235) & ~_lacks(rows, "group_id")) | (kind == GROUP)
        return {
            "message_id": uuids(rows["message"]),
            "type": labels(kind, product.TYPES),
            "user_id": labels(np.where(is_known, login_codes(self._people, rows), -1), names.user),
            "anonymous_id": labels(np.where(kind == ALIAS, -1, rows["anonymous"]), names.anonymous),
            "previous_id": labels(np.where(kind == ALIAS, rows["anonymous"], -1), names.anonymous),
            "group_id": labels(np.where(has_group & (kind != ALIAS), rows["workspace"], -1), names.workspace),
            "original_at": instants(rows["original_us"]),
            "sent_at": instants(rows["sent_us"]),
            "received_at": instants(rows["received_us"]),
            "delivery_no": pa.array(rows["delivery_no"]),
            "defect": labels(rows["defect"], product.DEFECTS),
        }

    def _what(self, rows: Rows) -> dict[str, Any]:
        event, track = rows["event"].astype(np.int64), rows["type"] == TRACK
        duration = np.where(_lot(rows, 1) < 250, rows["duration_ms"], -1)
        workflow = np.where(_lacks(rows, "workflow"), -1, rows["workflow"])
        feature = np.where(_lacks(rows, "feature"), -1, rows["feature"])
        return {
            "event": labels(rows["delivered_event"], EVENT_NAMES),
            "name": labels(rows["page"], product.PAGES),
            "app_area": labels(np.where(track & (_lot(rows, 2) < 245), _AREA[event], -1), product.AREAS),
            "feature": labels(feature, product.FEATURES),
            "workflow": labels(workflow, product.WORKFLOWS),
            "workflow_id": numbered("wf_", rows["workflow_id"]),
            "workflow_step": labels(rows["step"], product.WORKFLOW_STEPS),
            "workflow_state": labels(rows["state"], product.WORKFLOW_STATES),
            "duration_ms": numbers(duration, pa.int32()),
            "error_code": labels(rows["error"], product.ERRORS),
            "amount_usd_cents": numbers(rows["amount"], pa.int64()),
            "quantity": numbers(rows["quantity"], pa.int32()),
        }

    def _client(self, rows: Rows) -> dict[str, Any]:
        devices, device = self._devices, rows["device"]
        is_server = rows["side"] == SERVER
        kind = devices.kind[device]
        prints = ~is_server & devices.prints_offset[device]
        offset = np.where(prints, self._accounts.offset_min[rows["account"]], 0)
        return {
            "tz_offset_min": pa.array(offset.astype(np.int16)),
            "side": labels(rows["side"], ("client", "server")),
            "library": labels(np.where(is_server, 2, (kind > 0) * 1), product.LIBRARIES),
            "library_version": labels(rows["version"], self._clients.versions),
            "device_type": labels(np.where(is_server, -1, kind), product.DEVICE_TYPES),
            "browser": labels(np.where(is_server | (kind > 0), -1, self._clients.browser[device]), product.BROWSERS),
        }

    def _traits(self, rows: Rows) -> dict[str, Any]:
        kind, account, person = rows["type"], rows["account"], rows["person"]
        day = (rows["occurred_us"] - START_US) / DAY_US
        has_role = ((kind == IDENTIFY) | (kind == GROUP)) & (_lot(rows, 3) < 240)
        moved = self._people.email_change_day[person] <= day
        email = person + np.where(moved, self._people.count, 0)
        week = np.minimum((rows["occurred_us"] - START_US) // (7 * DAY_US), len(self._flags) - 1)
        flag = np.where(kind == TRACK, self._flags[week, account], -1)
        tiered = (kind == TRACK) & (_lot(rows, 4) < 205)
        return {
            "role": labels(np.where(has_role, rows["role"], -1), product.ROLES),
            "email": labels(np.where(kind == IDENTIFY, email, -1), self.names.email),
            "account_id": labels(np.where(kind == GROUP, account, -1), self.names.account),
            "plan_tier": labels(np.where(tiered, self._accounts.tier[account], -1), TIERS),
            "feature_flag": labels(flag, self._flag_names),
        }


def _lot(rows: Rows, place: int) -> Array:
    """Return 0 to 255, the same for every copy of an event: a byte of its first message id."""
    return np.asarray(rows["lot"][:, place])


def _lacks(rows: Rows, field: str) -> Array:
    return np.asarray((rows["lacks"] >> FIELDS.index(field)) & 1 == 1)
