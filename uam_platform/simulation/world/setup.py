"""Setting the product up: the first steps of accounts that sign up during the world, and later attempts.

Belongs here: the usual path (connect, project, first report), the other path (import first, connect much later), steps that
are given up, and setting up once more: everybody does now and then, those who struggle with it often and mostly in vain.
Does not belong here: everyday work (``actions``). First steps are tied to the number of the visit.
"""

import numpy as np

from uam_platform.simulation.world.clock import SECOND_US, Array
from uam_platform.simulation.world.product import EVENT_CODE, EVENTS, SERVER_EVENTS, WORKFLOWS
from uam_platform.simulation.world.rows import CLIENT, SERVER, Rows, block
from uam_platform.simulation.world.sessions import Sessions

_CODE = EVENT_CODE
_IS_SERVER = np.array([SERVER if name in SERVER_EVENTS else CLIENT for name in EVENTS], dtype=np.int8)
_IMPORTING = WORKFLOWS.index("importing")
_CONNECTS, _CREATES, _GIVES_UP = 0.65, 0.7, 0.06
_AGAIN, _STRUGGLES = 0.0015, 0.09
_STARTED, _COMPLETED = 0, 1


def setup_rows(sessions: Sessions, on_other_path: Array, base: int, rng: np.random.Generator) -> list[Rows]:
    """Return setup events; ``base`` is the first free number for workflow runs.

    Args:
        sessions: The visits; ``visit_no`` is -1 where the account did not sign up during the world.
        on_other_path: Per account, whether it begins with an import and connects later: harmless.
        base: First number for imports.
        rng: The stream of this stretch.
    """
    second = SECOND_US
    visit = np.flatnonzero(sessions.visit_no >= 0)
    number, account = sessions.visit_no[visit], sessions.account[visit]
    draw, lot, other = rng.random(len(visit)), rng.random(len(visit)), on_other_path[account]
    ease = np.minimum(sessions.channel["setup"][visit], 1.2)
    connects_at = np.where(other, 8 + account % 6, 1)
    opened = visit[number == 0]
    connected = visit[(number == connects_at) & (draw < _CONNECTS * ease)]
    projects = visit[(number == 2) & (draw < _CREATES * np.sqrt(ease))]
    gives_up = visit[(number >= 1) & (number <= 5) & (lot < np.minimum(_GIVES_UP / ease, 0.6))]
    imports = visit[other & (number == 1)]
    is_report = number == 2 + account % 4
    reports = visit[is_report]
    succeeds = draw[is_report] < np.clip(sessions.channel["core"][reports], 0.1, 1.0) * np.minimum(ease[is_report], 1.0)
    outcome = np.where(succeeds, _CODE["first_report_generated"], _CODE["setup_abandoned"])
    again, connects = _again(sessions, rng)
    run = {"workflow": _IMPORTING, "workflow_id": base + np.arange(len(imports))}
    return [
        block(opened, event=_CODE["workspace_created"], offset_us=3 * second, side=SERVER),
        block(opened, event=_CODE["setup_started"], offset_us=25 * second, side=SERVER),
        block(connected, event=_CODE["integration_connected"], offset_us=90 * second, side=SERVER),
        block(projects, event=_CODE["project_created"], offset_us=60 * second),
        block(reports, event=outcome, offset_us=150 * second, side=_IS_SERVER[outcome]),
        block(again, event=_CODE["setup_started"], offset_us=20 * second, side=SERVER),
        block(again[connects], event=_CODE["integration_connected"], offset_us=160 * second, side=SERVER),
        block(again[~connects], event=_CODE["setup_abandoned"], offset_us=190 * second),
        block(gives_up, event=_CODE["setup_abandoned"], offset_us=200 * second),
        block(imports, event=_CODE["import_attempted"], offset_us=70 * second, state=_STARTED, step=0, **run),
        block(imports, event=_CODE["import_completed"], offset_us=110 * second, state=_COMPLETED, side=SERVER, step=3, **run),
    ]  # fmt: skip


def _again(sessions: Sessions, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return visits in which something is set up once more, and whether it works out."""
    human = np.flatnonzero(sessions.is_work)
    ease = np.clip(sessions.channel["setup"][human], 0.05, 1.0)
    tries = rng.random(len(human)) < _AGAIN + _STRUGGLES * (1.0 - ease)
    return human[tries], rng.random(int(tries.sum())) < 0.6 * ease[tries]
