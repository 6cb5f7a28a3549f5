"""The ledger on a real PostgreSQL server: migrations, several processes at once, and claims of two workers.

Here: what differs from a file. Not here: life cycle, feedback and the law of the outbox, which run on both databases in their own
tests.
"""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from datetime import timedelta

import pytest
from sqlalchemy import inspect, select, update

from uam_platform.ledger import outbox
from uam_platform.ledger.engine import MIGRATIONS, Ledger, open_ledger
from uam_platform.ledger.models import Base, OutboxRow
from uam_platform_tests.ledger.findings import MONDAY, alerts, apply, day, finding, morning
from uam_platform_tests.ledger.findings import outbox as rows
from uam_platform_tests.ledger.postgres_server import PostgresServer

NOW, LEASE = morning(MONDAY), timedelta(seconds=180)


@pytest.fixture
def ledger(postgres: PostgresServer) -> Ledger:
    return postgres.new_ledger()


def at_once(work: Callable[[int], object], count: int) -> list[Future[object]]:
    with ThreadPoolExecutor(count) as pool:
        return [pool.submit(work, number) for number in range(count)]


def test_an_empty_database_is_migrated_to_exactly_the_models(postgres: PostgresServer) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    ledger = open_ledger(postgres.new_database())
    with ledger.engine.begin() as connection:
        options = {"compare_type": True}
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata)
    ledger.close()
    assert differences == []


def test_every_migration_can_be_undone(ledger: Ledger) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with ledger.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]


def test_opening_again_keeps_what_is_there(ledger: Ledger) -> None:
    apply(ledger, 0, [finding(1)])
    again = open_ledger(ledger.engine.url.render_as_string(hide_password=False))
    assert len(alerts(again)) == 1
    again.close()


def test_several_processes_may_open_a_new_ledger_at_once(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    code = f"from uam_platform.ledger.engine import open_ledger; open_ledger({url!r}).close()"
    started = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(3)]
    errors = [process.communicate(timeout=60)[1].decode() for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], errors


def test_two_workers_share_the_actions_and_claim_each_once(ledger: Ledger) -> None:
    apply(ledger, 0, [finding(number) for number in range(1, 31)])
    url = ledger.engine.url.render_as_string(hide_password=False)

    def work(_: int) -> list[str]:
        own = open_ledger(url)
        claimed = []
        while action := outbox.claim(own, NOW, LEASE, ["slack"]):
            claimed.append(action.idempotency_key)
            assert outbox.mark_sent(own, action, f"C1/{len(claimed)}", NOW)
        own.close()
        return claimed

    claimed = Counter(key for done in at_once(work, 2) for key in done.result())  # type: ignore[attr-defined]
    assert claimed == {row.idempotency_key: 1 for row in rows(ledger)}
    assert len(claimed) == 30
    assert {row.state for row in rows(ledger)} == {"sent"}


def test_two_updates_of_one_message_are_never_under_way_at_once(ledger: Ledger) -> None:
    apply(ledger, 0, [finding(1)])
    post = outbox.claim(ledger, NOW, LEASE, ["slack"])
    assert post is not None
    outbox.mark_sent(ledger, post, "C1/1", NOW)
    apply(ledger, 7, [finding(1, summary="newer")])
    apply(ledger, 14, [finding(1, summary="newest")])
    older, newer = (row.idempotency_key for row in rows(ledger) if row.kind == "update")
    later = morning(day(14))
    with ThreadPoolExecutor(1) as pool:
        with ledger.transaction() as session:  # a first worker is in the middle of its claim
            session.execute(update(OutboxRow).where(OutboxRow.idempotency_key == older).values(state="sending"))
            second = pool.submit(outbox.claim, ledger, later, LEASE, ["slack"])
            with pytest.raises(NotYet):
                second.result(timeout=0.5)
        assert second.result(timeout=10) is None
    assert {row.idempotency_key: row.state for row in rows(ledger)}[newer] == "pending"


def test_two_runs_of_one_snapshot_at_once_apply_it_once(ledger: Ledger) -> None:
    findings = [finding(number) for number in range(1, 11)]
    outcomes = [done.result() for done in at_once(lambda _: apply(ledger, 0, findings).outcome, 3)]
    assert sorted(map(str, outcomes)) == ["applied", "repeat", "repeat"]
    assert len(alerts(ledger)) == len(rows(ledger)) == 10


def test_a_transaction_that_hangs_ends_the_wait_of_the_others_with_an_error(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("uam_platform.ledger.engine._BUSY_MILLISECONDS", 200)
    with ledger.transaction() as session, ThreadPoolExecutor(1) as pool:
        session.execute(select(OutboxRow))
        waiting = pool.submit(outbox.counts, ledger)
        with pytest.raises(Exception, match="lock timeout"):
            waiting.result(timeout=10)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("postgresql+psycopg://", "postgres://"), "postgresql+psycopg://"),
        (("postgresql+psycopg://", "postgresql+nodriver://"), "postgresql+psycopg://"),
        (("/ledger", "/nosuchledger"), "does not exist"),
    ],
    ids=["other scheme", "unknown driver", "unknown database"],
)
def test_an_address_that_does_not_work_is_told_without_its_password(
    postgres: PostgresServer, change: tuple[str, str], words: str
) -> None:
    url = postgres.new_database().replace("uam@", "uam:hunter2@").replace(*change)
    with pytest.raises((ValueError, ConnectionError), match="UAM_LEDGER_URL") as told:
        open_ledger(url)
    assert words in str(told.value)
    assert "hunter2" not in str(told.value)


def test_a_user_who_may_not_make_tables_is_told_so(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    owner = open_ledger(postgres.new_database())
    with owner.engine.begin() as connection:
        connection.exec_driver_sql("DROP ROLE IF EXISTS guest")
        connection.exec_driver_sql("CREATE ROLE guest LOGIN")
    owner.close()
    with pytest.raises(ConnectionError, match="permission denied"):
        open_ledger(url.replace("uam@", "guest@"))
