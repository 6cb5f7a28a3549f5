"""No module that works knows the truth, and none of the world's own words is in rules, features or texts.

That no file of the truth is opened while the chain runs is shown in `end_to_end/test_truth_stays_shut.py`; that knowledge of the future is
caught, in `test_nulls.py`.
"""

import ast
import re
from pathlib import Path

import pytest
import yaml

from uam_platform.churn.features import DEFINITIONS
from uam_platform.contracts.tables import CONTRACTS
from uam_platform.policy.load import SHIPPED
from uam_platform.simulation.world.difficulty import Difficulty, describe
from uam_platform.simulation.world.drivers import CAUSES, LOOKALIKES

PACKAGE = Path(__file__).parents[2] / "uam_platform"
JUDGES = {"evaluation", "simulation"}
# They call the evaluation for people, or describe what a world is; nothing of it passes back into a run.
FACES = {"cli.py", "cli_evaluation.py", "cli_identity_score.py", "report.py", "world_documents.py"}
WORKING = sorted(p for p in PACKAGE.rglob("*.py") if p.relative_to(PACKAGE).parts[0] not in JUDGES)
RULES = sorted(SHIPPED.rglob("*.yaml"))

# Words of the world that name nothing else. Look-alikes that are plain English (holiday, rollout) may be facts in the data.
DRIVERS = [*CAUSES, *LOOKALIKES]
OWN_WORDS = {d.name for d in DRIVERS if "_" in d.name} | {row[0] for row in describe(Difficulty()) if "_" in row[0]}
OWN_PHRASES = {c.end_reason for c in CAUSES}


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def imports_of(tree: ast.AST) -> set[str]:
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    from_nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return found | {f"{node.module}.{alias.name}" for node in from_nodes for alias in node.names}


def strings_of(tree: ast.AST) -> list[str]:
    """Text constants but for docstrings, which may say what a module does not do."""
    docstrings = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docstrings]
    return [node.value for node in constants if isinstance(node.value, str)]


def knows_truth(text: str) -> list[str]:
    """What in a module's source reaches for the truth."""
    tree = ast.parse(text)
    reached = {
        n for n in imports_of(tree) if n.startswith(("uam_platform.evaluation", "uam_platform.simulation.world.truth"))
    }
    return [*sorted(reached), *(s for s in strings_of(tree) if re.search(r"\btruth\b(/|\.|$)", s))]


@pytest.mark.parametrize("path", [p for p in WORKING if p.name not in FACES], ids=name_of)
def test_no_module_that_works_imports_the_evaluation_or_names_the_truth(path: Path) -> None:
    assert knows_truth(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "from uam_platform.evaluation.truth import Truth",
        "import uam_platform.evaluation.scoreboard",
        "def peek(world):\n    return world / 'truth' / 'churn.parquet'",
        "QUERY = \"SELECT * FROM read_parquet('data/worlds/demo/truth/churn.parquet')\"",
    ],
)
def test_the_search_for_the_truth_finds_it(source: str) -> None:
    assert knows_truth(source)


def words_of_the_world(text: str) -> list[str]:
    lowered = text.lower()
    spaced = {word.replace("_", " ") for word in OWN_WORDS}
    return sorted(
        w for w in OWN_WORDS | spaced | {p.lower() for p in OWN_PHRASES} if re.search(rf"\b{re.escape(w)}\b", lowered)
    )


@pytest.mark.parametrize("path", [*RULES, *WORKING], ids=lambda p: p.name if p.suffix == ".yaml" else name_of(p))
def test_no_rule_text_or_module_uses_a_word_of_the_world(path: Path) -> None:
    assert words_of_the_world(path.read_text(encoding="utf-8")) == []


def test_no_feature_reason_detector_or_column_is_called_after_a_driver() -> None:
    names = {c.name for contract in CONTRACTS for c in contract.columns} | set(DEFINITIONS)
    for path in RULES:
        names |= keys_of(yaml.safe_load(path.read_text(encoding="utf-8")))
    called = {d.name for d in DRIVERS}
    assert not {n for n in names for word in called if n == word or ("_" in word and word in n)}


def keys_of(value: object) -> set[str]:
    if isinstance(value, dict):
        return {str(k) for k in value} | {name for each in value.values() for name in keys_of(each)}
    return {name for each in value for name in keys_of(each)} if isinstance(value, list) else set()


def test_the_search_for_words_of_the_world_finds_them() -> None:
    assert words_of_the_world("reason: the champion left; signal_gain: 1") == ["champion left", "signal_gain"]
