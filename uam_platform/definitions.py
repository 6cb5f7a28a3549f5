"""The only place where everything is wired: each stage's definitions, the resources, the jobs.

Here: composition. Not here: assets (the stages), rules (`policy`), the environment (`settings`).
"""

import dagster as dg

from uam_platform.alerts import assets as alerts
from uam_platform.behavior import assets as behavior
from uam_platform.churn import assets as churn
from uam_platform.connectors import assets as connectors
from uam_platform.connectors.registry import source_names
from uam_platform.evidence import assets as evidence
from uam_platform.identity import assets as identity
from uam_platform.kpis import assets as kpis
from uam_platform.orchestration import sensors as layers
from uam_platform.orchestration.jobs import JOBS
from uam_platform.orchestration.resources import resources
from uam_platform.orchestration.wiring import Wiring, wire
from uam_platform.playbooks import assets as playbooks
from uam_platform.policy.company import rulebook_for
from uam_platform.reviews import assets as reviews
from uam_platform.serving import assets as serving
from uam_platform.settings import Settings
from uam_platform.staging import assets as staging

STAGES = (connectors, staging, identity, behavior, evidence, churn, kpis, alerts, playbooks, reviews, layers, serving)


def build(wiring: Wiring) -> dg.Definitions:
    """All definitions of one code location."""
    stages = [stage.definitions(wiring) for stage in STAGES]
    return dg.Definitions.merge(*stages, dg.Definitions(resources=resources(wiring.settings), jobs=JOBS))


@dg.definitions
def defs() -> dg.Definitions:
    """The code location of the workspace."""
    settings = Settings()
    return build(wire(settings, rulebook_for(settings), source_names(settings)))
