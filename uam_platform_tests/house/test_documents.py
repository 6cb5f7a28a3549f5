"""The written part says what is: generated documents are current, and what prose names exists."""

import re
import subprocess
from functools import cache
from pathlib import Path

import click
import pytest
import typer.main

from uam_platform.cli import app
from uam_platform.connector_documents import KINDS, conformance, proofs, reason
from uam_platform.documents import generated
from uam_platform.settings import Settings

ROOT = Path(__file__).parents[2]
PACKAGE, TESTS = ROOT / "uam_platform", ROOT / "uam_platform_tests"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGE_IDS = [str(page.relative_to(ROOT)) for page in PAGES]
# variables of the example mappings and of tests on real files
NOT_SETTINGS = {
    *(
        "UAM_BILLING",
        "UAM_ONLINE_RETAIL",
        "UAM_CHURN_SIMULATOR",
        "UAM_RAVENSTACK",
        "UAM_SHOP_CLICKS",
        "UAM_COMMIT_EVENTS",
        "UAM_REAL_DATA",
        "UAM_VENDOR_SAMPLES",
    ),
}
LAST_REQUIREMENT = 186
BINARY = {".png", ".gz", ".parquet"}

# Put together from parts, so that this file does not contain what it looks for.
HOSTS = ["pypi" + ".org", "python" + "hosted.org", "npmjs" + ".org", "conda" + ".anaconda.org", "index" + "-url"]
WORKSHOP = ["/work/" + "shared", "issue " + "#", "/tmp/" + "bp"]


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def commands() -> dict[str, set[str]]:
    """Options by command; those of a command with commands of its own by both words, `taxonomy lint`."""
    group = typer.main.get_command(app)
    assert isinstance(group, click.Group) or hasattr(group, "commands")
    inner = {f"{name} {sub}": c for name, g in group.commands.items() for sub, c in getattr(g, "commands", {}).items()}
    return {
        name: {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        for name, command in (group.commands | inner).items()
    }


@cache
def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), re.MULTILINE))


def code(page: Path) -> list[str]:
    """Code spans, and the lines of code blocks without their comments."""
    text = text_of(page)
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    return [*spans, *(line.split("  #")[0].strip() for block in blocks for line in block.splitlines())]


def is_command(snippet: str) -> str | None:
    """What is wrong with a snippet that calls `uam` or `make`; None where nothing is."""
    made = re.match(r"(?:\w+=\S+ )*make ([a-z]+)\b", snippet)
    if made:
        return None if made[1] in targets() else f"no target {made[1]!r} in the Makefile"
    called = re.match(r"(?:\w+=\S+ )*(?:\.venv/bin/)?uam ([a-z]+)\b(.*)", snippet)
    if not called:
        return None
    name = called[1]
    if name not in commands():
        return f"no command uam {name}"
    if any(each.startswith(f"{name} ") for each in commands()) and (sub := re.match(r" ([a-z]+)\b", called[2])):
        name = f"{name} {sub[1]}"
    if name not in commands():
        return f"no command uam {name}"
    unknown = set(re.findall(r"--[a-z-]+", called[2])) - commands()[name]
    return f"uam {name} has no {', '.join(sorted(unknown))}" if unknown else None


@pytest.mark.parametrize(
    ("path", "wanted"), generated(ROOT).items(), ids=lambda v: v.name if isinstance(v, Path) else ""
)
def test_generated_documents_are_current(path: Path, wanted: str) -> None:
    assert path.exists() and text_of(path) == wanted, f"{path.name} is stale; run `uam docs` and commit it"  # noqa: PT018


def test_every_setting_is_in_the_example_file_switched_off() -> None:
    lines = [line for line in text_of(ROOT / ".env.example").splitlines() if line]
    assert not [line for line in lines if not line.startswith("#")]
    named = [found[1] for line in lines if (found := re.match(r"# (UAM_[A-Z0-9_]+)=", line))]
    assert sorted(named) == sorted(f"UAM_{name.upper()}" for name in Settings.model_fields)


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_commands_that_a_page_names_exist_with_their_options(page: Path) -> None:
    assert not [f"{snippet}: {wrong}" for snippet in code(page) if (wrong := is_command(snippet))]


def test_the_readme_names_every_command_and_target() -> None:
    snippets = code(ROOT / "README.md")
    assert {name.split(" ")[0] for name in commands()} <= {
        found[1] for s in snippets if (found := re.match(r"uam ([a-z]+)", s))
    }
    assert targets() - {"install", "help"} <= {found[1] for s in snippets if (found := re.match(r"make ([a-z]+)", s))}


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_variables_that_a_page_names_are_settings(page: Path) -> None:
    known = {f"UAM_{name.upper()}" for name in Settings.model_fields} | NOT_SETTINGS
    named = set(re.findall(r"\bUAM_[A-Z0-9]+(?:_[A-Z0-9]+)*\b(?!_)", text_of(page)))
    assert not named - known


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    linked = re.findall(r"\]\(([^)#]+)[^)]*\)", text_of(page))
    local = [link for link in linked if "://" not in link and not link.endswith(".png")]
    assert not [link for link in local if not (page.parent / link).exists()]


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_modules_and_tests_that_a_page_names_by_path_exist(page: Path) -> None:
    named = {s for s in code(page) if re.fullmatch(r"(uam_platform|uam_platform_tests|docs)/[\w/.-]+", s)}
    assert not [path for path in named if not (ROOT / path).exists()]


def capability_rows() -> list[list[str]]:
    rows = [line for line in text_of(ROOT / "docs" / "capabilities.md").splitlines() if re.match(r"\| R\d+ \|", line)]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def test_every_requirement_stands_in_the_capability_table_once_and_in_order() -> None:
    assert [row[0] for row in capability_rows()] == [f"R{n}" for n in range(1, LAST_REQUIREMENT + 1)]


@pytest.mark.parametrize("row", capability_rows(), ids=lambda row: row[0])
def test_a_capability_names_what_exists(row: list[str]) -> None:
    _, _, status, what, where, shown = row
    assert status in {"met", "partly", "not yet"}
    assert not [module for module in re.findall(r"`([^`]+)`", where) if not (PACKAGE / module).is_file()]
    for evidence in re.findall(r"`([^`]+)`", shown):
        assert not is_command(evidence)
        if "::" in evidence:
            file, name = evidence.split("::")
            assert f"\ndef {name}(" in text_of(TESTS / file), evidence
    if status == "met":
        assert what
        assert where
        assert shown, "what is met is shown by a test or a command"
    if status == "partly":
        assert what
        assert where


def test_the_capability_table_counts_itself() -> None:
    statuses = [row[2] for row in capability_rows()]
    counted = [statuses.count(status) for status in ("met", "partly", "not yet")]
    sentence = f"Today {counted[0]} of {len(statuses)} are met, {counted[1]} partly, {counted[2]} not yet."
    assert sentence in text_of(ROOT / "docs" / "capabilities.md")


def test_every_capability_of_a_connector_is_proved_by_a_test_or_says_why_not() -> None:
    table, found = conformance(TESTS), proofs(TESTS)
    cells = {(s, c) for kind in KINDS for s in table[kind]["systems"] for c in table[kind]["capabilities"]}
    assert not set(found) - cells, "a mark names a system or capability that conformance.yaml does not know"
    assert not [cell for cell in sorted(cells) if not found.get(cell) and reason(table, *cell) is None]
    excused = {(s, c) for e in table["not_applicable"] for s in e["systems"] for c in e["capabilities"]}
    assert excused <= cells
    assert not excused & set(found), "what is proved needs no reason"


def test_decisions_are_numbered_dated_and_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = sorted(folder.glob("[0-9]*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        assert re.search(r"^\d{4}-\d\d-\d\d · ", text_of(page), re.MULTILINE), page.name
        assert all(f"**{part}.**" in text_of(page) for part in ("Context", "Decision", "Consequences")), page.name
        assert f"]({page.name})" in text_of(folder / "README.md"), page.name


def committed() -> list[Path]:
    """Files under version control; without git, all but what is never committed."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
        return [ROOT / name for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        skipped = {".venv", ".git", "data", "__pycache__"}
        return [p for p in ROOT.rglob("*") if p.is_file() and not skipped & set(p.relative_to(ROOT).parts)]


@pytest.mark.parametrize("words", [HOSTS, WORKSHOP], ids=["package registries", "the workshop"])
def test_no_committed_file_names(words: list[str]) -> None:
    texts = [path for path in committed() if path.suffix not in BINARY and path.is_file()]
    found = [
        (str(path.relative_to(ROOT)), word)
        for path in texts
        for word in words
        if word in path.read_text(encoding="utf-8", errors="replace").lower()
    ]
    assert not found


def test_the_lock_file_pins_every_package_by_hash_and_names_no_index() -> None:
    lines = text_of(ROOT / "requirements.lock").splitlines()
    assert not [line for line in lines if line.startswith("-") or "://" in line]
    blocks = re.split(r"\n(?=[a-z0-9])", text_of(ROOT / "requirements.lock"), flags=re.IGNORECASE)
    pins = [block for block in blocks if re.match(r"[\w.-]+(\[[\w,-]+\])?==", block)]
    assert len(pins) > 50
    assert not [block.split("==")[0] for block in pins if "--hash=sha256:" not in block]
    unpinned = [line for line in lines if re.match(r"[\w.-]+", line) and "==" not in line]
    assert not unpinned
