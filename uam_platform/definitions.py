"""The only place where everything is wired: each stage's definitions, the resources, the jobs.

Here: composition. Not here: assets (the stages), rules (`policy`), the environment (`settings`).
"""

from importlib import import_module

import dagster as dg

from uam_platform.connectors.registry import source_names
from uam_platform.orchestration import sensors as layers
from uam_platform.orchestration.jobs import JOBS
from uam_platform.orchestration.resources import resources
from uam_platform.orchestration.wiring import Wiring, wire
from uam_platform.policy.company import rulebook_for
from uam_platform.settings import Settings

ROOMS = (
    *("connectors", "staging", "quality", "identity", "behavior", "evidence", "churn", "kpis", "alerts"),
    *("playbooks", "reviews", "governance", "serving"),
)
"""Rooms whose `assets` module has definitions, in the order data flows."""


def build(wiring: Wiring) -> dg.Definitions:
    """All definitions of one code location."""
    faces = [*(import_module(f"uam_platform.{room}.assets") for room in ROOMS), layers]
    stages = [face.definitions(wiring) for face in faces]
    return dg.Definitions.merge(*stages, dg.Definitions(resources=resources(wiring.settings), jobs=JOBS))


@dg.definitions
def defs() -> dg.Definitions:
    """The code location of the workspace."""
    settings = Settings()
    return build(wire(settings, rulebook_for(settings), source_names(settings)))
