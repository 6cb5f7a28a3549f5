"""A PostgreSQL server of its own for the tests: made in a temporary folder, reached over a Unix socket, gone afterwards.

Here: finding the binaries, starting, fresh databases, stopping. Not here: any test. The server refuses to run as root, so root
lends it another user of the system.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine

from uam_platform.ledger.engine import Ledger, open_ledger

_LENT = ("postgres", "nobody")
_START_SECONDS = 30


class NoServerError(Exception):
    """This machine has no PostgreSQL server."""


class PostgresServer:
    """A running server and the databases in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)
        self._opened: list[Ledger] = []
        self._template = ""

    def url(self, database: str) -> str:
        """SQLAlchemy URL of one of its databases."""
        return f"postgresql+psycopg://uam@/{database}?host={self._folder}"

    def new_database(self, template: str = "template0") -> str:
        """URL of a database that nobody has used yet."""
        name = f"ledger{next(self._numbers)}"
        self._administer(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def new_ledger(self) -> Ledger:
        """An empty migrated ledger, copied from one that was migrated once."""
        if not self._template:
            url = self.new_database()
            open_ledger(url).close()
            self._template = url.partition("@/")[2].partition("?")[0]
        ledger = open_ledger(self.new_database(self._template))
        self._opened.append(ledger)
        return ledger

    def close(self) -> None:
        """Give all connections back."""
        for ledger in self._opened:
            ledger.close()
        self._opened.clear()

    def _administer(self, statement: str) -> None:
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """A server for the time of the block.

    Raises:
        NoServerError: no binary.
        RuntimeError: there is one, but it does not start.
    """
    programs, user = _programs(), _user()
    folder = Path(tempfile.mkdtemp(prefix="uam_pg_"))
    if user is not None:
        shutil.chown(folder, user)
    lent = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user is not None else {}
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
    data, log = folder / "data", folder / "log"
    options = {"cwd": folder, "env": environment, "stderr": subprocess.STDOUT, **lent}
    try:
        made = [programs / "initdb", "-D", data, "-U", "uam", "-A", "trust", "-E", "UTF8", "--no-sync"]
        done = subprocess.run(made, stdout=subprocess.PIPE, check=False, **options)  # type: ignore[call-overload]
        if done.returncode != 0:
            raise RuntimeError(f"initdb failed: {done.stdout.decode()[-500:]}")
        started = [programs / "postgres", "-D", data, "-k", folder, "-h", "", "-F", "-c", "max_connections=50"]
        with log.open("wb") as out:
            process = subprocess.Popen(started, stdout=out, **options)  # type: ignore[call-overload]
        try:
            _wait(process, folder, log)
            server = PostgresServer(folder)
            yield server
            server.close()
        finally:
            process.send_signal(signal.SIGINT)  # an orderly end without waiting for clients
            process.wait(timeout=20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    folders = [Path(found).parent for name in ("postgres",) if (found := shutil.which(name))]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name), reverse=True)
    for folder in folders:
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    raise NoServerError("no PostgreSQL server binary: neither on PATH nor in /usr/lib/postgresql/*/bin")


def _user() -> str | None:
    """The user that runs the server: this one, or as root one that is lent."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in _LENT:
        if name in known:
            return name
    raise RuntimeError(f"root may not run a PostgreSQL server, and there is no user {' or '.join(_LENT)}")


def _wait(process: subprocess.Popen[bytes], folder: Path, log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        if "ready to accept connections" in log.read_text(errors="replace") and any(folder.glob(".s.PGSQL.*")):
            return
        time.sleep(0.05)
    raise RuntimeError(f"the PostgreSQL server did not start: {log.read_text(errors='replace')[-1000:]}")
