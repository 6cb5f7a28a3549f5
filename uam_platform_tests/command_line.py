"""Calls the command line as a person does, in an empty folder: the fixture `uam`, for tests of several areas."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from uam_platform import cli


@dataclass(frozen=True)
class Answer:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """All words, on one line."""
        return " ".join((self.out + self.err).split())


Uam = Callable[..., Answer]


@pytest.fixture
def uam(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Uam:
    """Run a command in an empty folder without any setting but those given."""

    def call(*arguments: object, **variables: str) -> Answer:
        for name in [n for n in os.environ if n.startswith("UAM_")]:
            monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["uam", *map(str, arguments)])
        monkeypatch.setattr(cli.console, "file", None)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return Answer(int(ended.value.code or 0), said.out, said.err)

    return call
