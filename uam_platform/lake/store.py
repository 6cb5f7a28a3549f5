"""The lake: partitioned Parquet tables, each partition published atomically by a pointer after validation.

Layout: `<root>/<stage>/<table>/<partition>=<key>/<content hash>/part-0.parquet` and beside it `_current.json`, the pointer.
A reader follows pointers only, so a killed writer leaves the old or the new partition, never half; DuckDB and Spark share
the protocol. Here: writing, validating, swapping, reading. Not here: raw loads (`loads`), Dagster (`io_manager`).
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from uam_platform.contracts.model import Contract
from uam_platform.lake.atomic import write_atomically
from uam_platform.lake.engine import conform, empty, with_all_columns
from uam_platform.lake.pinned import pinned
from uam_platform.lake.together import complete, publish_together
from uam_platform.lake.validation import ContractViolationError, Verdict, check_schema, verdicts
from uam_platform.lake.workspace import workspace

POINTER = "_current.json"
_FORMAT = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"  # level 3 took 37 % more processor time for 7 % smaller files
WHOLE = ""  # partition key of an unpartitioned table


@dataclass(frozen=True)
class Published:
    """What a publication did.

    Attributes:
        rows: rows by partition key that was published.
        changed: keys whose content differs from before.
        refused: verdicts of the keys whose rows break the contract; they keep their old data.
        sql: what was written, as the engine was asked for it.
    """

    rows: dict[str, int]
    changed: tuple[str, ...]
    refused: dict[str, Verdict]
    sql: str


class Lake:
    """Reads and publishes the tables under one root folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._waiting: dict[Path, str] | None = None
        complete(root)

    def table_folder(self, contract: Contract) -> Path:
        """Folder of a table."""
        return self.root / contract.stage / contract.name

    def partition_folder(self, contract: Contract, key: str) -> Path:
        """Folder of one partition; `key` may have sub-keys after a slash (`2025-01-06/load_id=x`)."""
        base = self.table_folder(contract)
        return base / f"{contract.partition}={key}" if contract.partition else base / "all"

    # reading

    def keys(self, contract: Contract) -> list[str]:
        """Published partition keys, sorted."""
        folder = self.table_folder(contract)
        if not contract.partition:
            return [WHOLE] if (folder / "all" / POINTER).exists() else []
        prefix = f"{contract.partition}="
        pointers = sorted(folder.glob(f"{prefix}*/{POINTER}")) + sorted(folder.glob(f"{prefix}*/*/{POINTER}"))
        return sorted({str(p.parent.relative_to(folder))[len(prefix) :] for p in pointers})

    def sub_keys(self, contract: Contract, key: str) -> list[str]:
        """Published keys below a two-level partition key, e.g. all loads of one day."""
        folder = self.partition_folder(contract, key)
        return sorted(f"{key}/{p.parent.name}" for p in folder.glob(f"*/{POINTER}"))

    def pointer(self, contract: Contract, key: str = WHOLE) -> dict[str, Any] | None:
        """The published pointer of a partition, or None."""
        try:
            text = (self.partition_folder(contract, key) / POINTER).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        return json.loads(text)

    def files(self, contract: Contract, keys: Iterable[str] | None = None) -> list[str]:
        """Published files with rows, in key order.

        Args:
            contract: the table.
            keys: partition keys; all published ones by default. Keys without a publication are skipped.
        """
        return [path for paths, _ in self._published(contract, keys) for path in paths]

    def _published(self, contract: Contract, keys: Iterable[str] | None) -> Iterator[tuple[list[str], int]]:
        """Files of each published partition with rows, and the version of the contract they were written under."""
        for key in self.keys(contract) if keys is None else sorted(set(keys)):
            pointer = self.pointer(contract, key)
            if pointer and pointer["rows"]:
                folder = self.partition_folder(contract, key) / pointer["version"]
                yield [str(folder / name) for name in pointer["files"]], pointer["contract_version"]

    def read(self, connection: Backend, contract: Contract, keys: Iterable[str] | None = None) -> ir.Table:
        """The table, or the named partitions of it, as an Ibis table on `connection`; without files, zero rows.

        Columns that a partition lacks because an older contract did not have them are null.
        """
        published = list(self._published(contract, keys))
        if not published:
            return empty(contract)
        paths = [path for found, _ in published for path in found]
        is_older = any(version != contract.version for _, version in published)

        def reading(name: str) -> ir.Table:
            return connection.read_parquet(paths, table_name=name, **({"union_by_name": True} if is_older else {}))

        table = pinned(connection, f"{contract.stage}_{contract.name}", paths, reading)
        return with_all_columns(table, contract) if is_older else table

    # writing

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is published inside becomes visible at the end, all at once; nothing of it where an error or a kill comes before."""
        if self._waiting is not None:
            raise RuntimeError("a joint publication is under way; finish it first")
        self._waiting = {}
        try:
            yield
            publish_together(self.root, self._waiting)
        finally:
            self._waiting = None

    def _point(self, path: Path, pointer: dict[str, Any]) -> None:
        content = json.dumps(pointer, sort_keys=True)
        if self._waiting is None:
            write_atomically(path, content)
        else:
            self._waiting[path] = content

    def publish(
        self,
        connection: Backend,
        contract: Contract,
        table: ir.Table,
        keys: Sequence[str] | None = None,
        on_invalid: Literal["raise", "report"] = "raise",
        is_sorted: bool = False,
    ) -> Published:
        """Write `table` sorted by the contract's key, validate the files, then swap them in.

        Args:
            connection: engine that evaluates the expression.
            contract: the table written.
            table: rows of exactly the partitions in `keys`.
            keys: partition keys that are replaced, also by nothing; None for an unpartitioned table.
            is_sorted: `table` is stored, and in the order of partition and contract's key; then it is not sorted again.
            on_invalid: raise when partitions break the contract, or only report them (a blocking check reads the report).

        Raises:
            ContractViolationError: some partitions break the contract; they keep their old data, the others are published.
        """
        conformed = conform(table, contract)
        check_schema(conformed, contract)
        keys = [WHOLE] if keys is None else sorted(set(keys))
        with workspace(self.table_folder(contract)) as temporary:
            sql = str(connection.compile(conformed, pretty=True))
            staged, found = self._stage(connection, contract, conformed, sql, keys, temporary, is_sorted)
            published = self._swap_in(contract, staged, found, sql)
        if published.refused and on_invalid == "raise":
            raise ContractViolationError(contract, published.refused)
        return published

    def _stage(
        self,
        connection: Backend,
        contract: Contract,
        conformed: ir.Table,
        sql: str,
        keys: Sequence[str],
        temporary: Path,
        is_sorted: bool,
    ) -> tuple[dict[str, Path], dict[str, Verdict]]:
        with _readable(connection, conformed, sql, is_read_often=len(keys) > 1) as name:
            paths = [temporary / f"{i}" / "part-0.parquet" for i in range(len(keys))]
            copies = [_copy_sql(contract, name, key, path, is_sorted) for key, path in zip(keys, paths, strict=True)]
            for path in paths:
                path.parent.mkdir()
            _run_all(connection, copies, is_shared=_is_shared(connection, name))
        staged = dict(zip(keys, paths, strict=True))
        return staged, self._validate(connection, contract, keys, staged)

    def _validate(
        self, connection: Backend, contract: Contract, keys: Sequence[str], staged: dict[str, Path]
    ) -> dict[str, Verdict]:
        view = f"validating_{uuid.uuid4().hex[:12]}"
        listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in staged.values())
        connection.raw_sql(f"CREATE TEMP VIEW {view} AS SELECT * FROM read_parquet([{listed}])")
        try:
            by_value = verdicts(connection, view, contract)
        finally:
            connection.raw_sql(f"DROP VIEW IF EXISTS {view}")
        nothing = Verdict(rows=0, violations={})
        return {key: by_value.get(key.split("/", 1)[0], nothing) for key in keys}

    def _swap_in(self, contract: Contract, staged: dict[str, Path], found: dict[str, Verdict], sql: str) -> Published:
        changed, bad = [], {}
        for key, path in staged.items():
            if not found[key].is_valid:
                bad[key] = found[key]
                self._note_rejection(contract, key, found[key])
            elif self._publish_file(contract, key, path, found[key]):
                changed.append(key)
        rows = {k: v.rows for k, v in found.items() if k not in bad}
        return Published(rows=rows, changed=tuple(changed), refused=bad, sql=sql)

    def _publish_file(self, contract: Contract, key: str, path: Path, verdict: Verdict) -> bool:
        folder = self.partition_folder(contract, key)
        folder.mkdir(parents=True, exist_ok=True)
        version = _digest(path)
        before = self.pointer(contract, key)
        target = folder / version
        if not target.exists():
            os.replace(path.parent, target)
        pointer = {
            "version": version,
            "files": [path.name],
            "rows": verdict.rows,
            "bytes": (target / path.name).stat().st_size,
            "contract_version": contract.version,
        }
        self._point(folder / POINTER, pointer)
        self._rejection_path(contract, key).unlink(missing_ok=True)
        previous = before["version"] if before else version
        for old in folder.iterdir():  # the version before stays for readers that still hold its file list
            if old.is_dir() and "=" not in old.name and old.name not in (version, previous):
                shutil.rmtree(old, ignore_errors=True)
            elif old.name.startswith(f".{POINTER}."):  # a killed writer's pointer
                old.unlink(missing_ok=True)
        return before is None or before["version"] != version

    def _rejection_path(self, contract: Contract, key: str) -> Path:
        return self.table_folder(contract) / "_rejected" / f"{key.replace('/', '__') or 'all'}.json"

    def _note_rejection(self, contract: Contract, key: str, verdict: Verdict) -> None:
        path = self._rejection_path(contract, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps({"rows": verdict.rows, "violations": verdict.violations}, sort_keys=True))

    def rejections(self, contract: Contract, keys: Iterable[str] | None = None) -> dict[str, dict[str, int]]:
        """Broken rules by partition key whose last write was refused (counts by reason code)."""
        wanted = {(k.replace("/", "__") or "all") for k in keys} if keys is not None else None
        return {
            path.stem: json.loads(path.read_text(encoding="utf-8"))["violations"]
            for path in sorted((self.table_folder(contract) / "_rejected").glob("*.json"))
            if wanted is None or path.stem in wanted
        }


@contextmanager
def _readable(connection: Backend, table: ir.Table, sql: str, is_read_often: bool) -> Iterator[str]:
    """Name under which SQL reads `table`: its own where it is stored, of a view for one reading, of a passing table for more.

    The passing table is not sorted: each partition is when it is written, and sorting wide rows twice costs as much as writing.
    """
    if isinstance(table.op(), ops.DatabaseTable):
        yield table.get_name()
        return
    name = f"writing_{uuid.uuid4().hex[:12]}"
    kind = "TABLE" if is_read_often else "VIEW"
    try:
        if table.op().find(ops.InMemoryTable):  # which Ibis registers with the engine
            (connection.create_table if is_read_often else connection.create_view)(name, table)
        else:  # compiling once more would cost more than writing a small partition
            connection.raw_sql(f"CREATE {kind} {name} AS {sql}")
        yield name
    finally:
        connection.raw_sql(f"DROP {kind} IF EXISTS {name}")


def _copy_sql(contract: Contract, name: str, key: str, path: Path, is_sorted: bool) -> str:
    order = "" if is_sorted else "ORDER BY " + ", ".join(f'"{c}"' for c in contract.key)
    where = ""
    if contract.partition:
        value = key.split("/", 1)[0].replace("'", "''")
        where = f"WHERE \"{contract.partition}\" = '{value}'"
    target = str(path).replace("'", "''")
    return f"COPY (SELECT * FROM {name} {where} {order}) TO '{target}' ({_FORMAT})"


def _is_shared(connection: Backend, name: str) -> bool:
    """Whether other cursors of the engine see the table; temporary tables and views belong to one connection."""
    found = connection.con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = ? AND NOT temporary", [name.rsplit(".", 1)[-1]]
    )
    return bool(found.fetchone()[0])


def _run_all(connection: Backend, statements: Sequence[str], is_shared: bool) -> None:
    """Run independent statements, side by side where the engine allows: one small partition keeps only one core busy."""
    if len(statements) == 1 or not is_shared:
        for statement in statements:
            connection.raw_sql(statement)
        return
    threads = int(connection.con.execute("SELECT current_setting('threads')").fetchone()[0])
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for done in [pool.submit(lambda sql: connection.con.cursor().execute(sql), sql) for sql in statements]:
            done.result()


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "blake2b").hexdigest()[:24]
