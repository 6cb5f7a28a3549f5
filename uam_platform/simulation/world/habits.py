"""What a visit needs to know about the kinds of people and accounts.

Belongs here: the lookups by person and account. Does not belong here: who belongs to which kind (``cohorts``) or what is
done in a visit (``actions``, ``setup``).
"""

from dataclasses import dataclass

from uam_platform.simulation.world.clock import Array
from uam_platform.simulation.world.cohorts import Cohorts
from uam_platform.simulation.world.people import ADMIN, CUSTOMER, People


@dataclass(frozen=True)
class Habits:
    """What visits need to know: evaluators (per person), the main workflow or -1 and the path of setup (per account)."""

    is_evaluator: Array
    main_workflow: Array
    on_other_path: Array


def make_habits(cohorts: Cohorts, people: People, on_other_path: Array) -> Habits:
    """Return the habits; the evaluators are those who administer a C3 account when they join."""
    is_evaluator = cohorts.of("C3")[people.account] & (people.role == ADMIN) & (people.kind == CUSTOMER)
    return Habits(is_evaluator, cohorts.main_workflow, on_other_path)
