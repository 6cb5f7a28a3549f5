"""The code that a suite measures: its hash, its seeds, and a copy that stays as it is while people go on editing.

Here: what identifies a state of the platform. Not here: what is run with it (`suite`). The hash covers every file of the package, so
rules, models that are shipped and the simulated company count as code.
"""

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parents[1]
FIXED_SEEDS: Final = (101, 102, 103, 104, 105)
DRAWN_SEEDS: Final = 2
_FIRST_DRAWN, _DRAWN_RANGE = 10_000, 900_000
_ROOT_FILES: Final = ("dagster.yaml",)
_SKIPPED: Final = {"__pycache__"}


def code_files(package: Path = PACKAGE) -> list[Path]:
    """Files of the package that can change a result, in order."""
    return sorted(p for p in package.rglob("*") if p.is_file() and not _SKIPPED & set(p.relative_to(package).parts))


def code_hash(package: Path = PACKAGE) -> str:
    """SHA-256 over names and contents of the package's files."""
    digest = hashlib.sha256()
    for path in code_files(package):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(package).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def measured_hash(package: Path = PACKAGE) -> str:
    """Hash of the package and, where the settings name one, of the own rulebook that runs would read."""
    from uam_platform.scratch import settings_of

    own = settings_of({}).policy_dir
    code = code_hash(package)
    return code if own is None else hashlib.sha256((code + code_hash(own)).encode()).hexdigest()


def commit_hash(package: Path = PACKAGE) -> str:
    """The commit that is checked out, or an empty string outside a repository."""
    try:
        command = ["git", "rev-parse", "HEAD"]
        done = subprocess.run(command, cwd=package, capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def suite_seeds(origin: str) -> tuple[int, ...]:
    """Five seeds that never change, so that versions can be paired, and two that nobody could tune to: drawn from `origin`.

    Args:
        origin: commit hash; the code's hash where there is no repository.
    """
    drawn: list[int] = []
    number = 0
    while len(drawn) < DRAWN_SEEDS:
        digest = hashlib.sha256(f"evaluation seed {number}: {origin}".encode()).digest()
        seed = _FIRST_DRAWN + int.from_bytes(digest[:8], "big") % _DRAWN_RANGE
        drawn += [seed] if seed not in drawn else []
        number += 1
    return (*FIXED_SEEDS, *drawn)


def copy_code(target: Path, package: Path = PACKAGE) -> Path:
    """A copy of the package below `target`, for processes that must not see later edits; an existing one is kept.

    Returns:
        The folder to put first on the module path.
    """
    if not target.exists():
        draft = target.with_name(target.name + ".new")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(package, draft / package.name, ignore=shutil.ignore_patterns(*_SKIPPED))
        for name in _ROOT_FILES:
            shutil.copy(package.parent / name, draft / name)
        draft.rename(target)
    return target
