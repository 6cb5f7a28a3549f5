"""What happens to events on their way: repeats, blockers, releases, a second tool. The business: ``test_world_business``."""

import pytest

from uam_platform.simulation.world.clients import RENAMED
from uam_platform.simulation.world.difficulty import DIFFICULTIES
from uam_platform.simulation.world.generate import simulate
from uam_platform.simulation.world.product import CORE_EVENTS
from uam_platform_tests.simulation.worlds import World

DELIVERED = "'{company}/deliveries/*.parquet'"
TRULY = "'{truth}/deliveries.parquet'"
SECOND = "'{company}/amplitude_events/*.parquet'"
SECOND_TRUTH = "'{truth}/second_tool.parquet'"
LOST = "'{truth}/lost_events.parquet'"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    out = tmp_path_factory.mktemp("dirt") / "world"
    return World(out, simulate(300, 240, 9, out))


def test_repeats_are_retries_within_seconds_and_replays_hours_and_days_later(world: World) -> None:
    found = world.rows(f"""
        WITH copies AS (SELECT true_event_no, repeat_kind, received_at FROM {DELIVERED} JOIN {TRULY} USING (delivery_no)),
        firsts AS (SELECT true_event_no, received_at AS first_at FROM copies WHERE repeat_kind = 'none')
        SELECT repeat_kind, count(*), max(received_at - first_at) <= INTERVAL 31 SECOND,
            count(*) FILTER (received_at - first_at > INTERVAL 24 HOUR),
            count(*) FILTER (received_at - first_at > INTERVAL 1 HOUR)
        FROM copies JOIN firsts USING (true_event_no) WHERE repeat_kind <> 'none' GROUP BY 1 ORDER BY 1
    """)
    assert [row[0] for row in found] == ["reenveloped", "replay", "retry"]
    reenveloped, replay, retry = found
    assert retry[2]
    assert retry[1] > replay[1] > 10 * reenveloped[1]
    assert replay[3] > 100
    assert replay[4] > 0.8 * replay[1]
    assert reenveloped[3] > 5


def test_a_reenveloped_webhook_is_the_same_content_under_a_new_message_id(world: World) -> None:
    content = (
        "event",
        "user_id",
        "anonymous_id",
        "group_id",
        "original_at",
        "workflow_id",
        "duration_ms",
        "error_code",
    )
    left, right = (", ".join(f"{side}.{column}" for column in content) for side in ("r", "f"))
    same, ids, total, servers = world.rows(f"""
        WITH told AS (SELECT d.*, true_event_no, repeat_kind FROM {DELIVERED} d JOIN {TRULY} USING (delivery_no)),
        pairs AS (
            SELECT r.side, r.message_id AS again, f.message_id AS first_id, ({left}) IS NOT DISTINCT FROM ({right}) AS is_same
            FROM told r JOIN told f USING (true_event_no) WHERE r.repeat_kind = 'reenveloped' AND f.repeat_kind = 'none')
        SELECT count(*) FILTER (is_same), count(*) FILTER (again <> first_id), count(*), count(*) FILTER (side = 'server')
        FROM pairs
    """)[0]
    assert total > 30
    assert (same, ids, servers) == (total, total, total)
    share = world.value(f"SELECT avg((repeat_kind = 'reenveloped')::INT) FROM {TRULY}")
    assert share == pytest.approx(DIFFICULTIES["default"].reenveloped_share, rel=0.4)


def test_privacy_browsers_block_most_of_their_events_and_the_others_few(world: World) -> None:
    users = world.rows(f"""SELECT browser, count(DISTINCT anonymous_id) FROM {DELIVERED}
                           WHERE browser IS NOT NULL GROUP BY 1 ORDER BY 2""")
    assert users[0][0] == "brave"
    reasons = dict(world.rows(f"SELECT reason, count(*) FROM {LOST} GROUP BY 1"))
    assert set(reasons) >= {"blocked", "blocked_browser"}
    assert reasons["blocked_browser"] > 500
    servers = world.value(f"""SELECT count(*) FROM {TRULY} WHERE true_person_id IN (
                              SELECT true_person_id FROM {LOST} WHERE reason = 'blocked')""")
    assert servers > 100


def test_a_release_loses_or_renames_a_client_event_while_the_servers_twin_holds(world: World) -> None:
    drifts = world.rows(
        "SELECT event, renamed_to, library_version, valid_from, kind, share FROM '{truth}/drift.parquet'"
    )
    assert drifts
    for event, renamed_to, version, since, kind, share in drifts:
        assert 0.5 <= share <= 1.0
        assert (renamed_to == RENAMED[event]) == (kind == "renamed")
        inside = f"library_version = '{version}' AND true_event_name = '{event}'"
        kept = world.value(
            f"SELECT count(*) FROM {DELIVERED} JOIN {TRULY} USING (delivery_no) WHERE {inside} AND event = '{event}'"
        )
        if kind == "renamed":
            moved = world.value(f"SELECT count(*) FROM {DELIVERED} WHERE event = '{renamed_to}'")
        else:
            moved = world.value(
                f"SELECT count(*) FROM {LOST} WHERE reason = 'vanished' AND true_event_name = '{event}'"
            )
        assert moved > 0.5 * kept
        early = world.value(
            f"SELECT count(*) FROM {DELIVERED} WHERE event = '{renamed_to}' AND original_at < '{since}'::TIMESTAMPTZ - INTERVAL 4 DAY"
        )
        assert early == 0
    twin = f"SELECT count(*) FROM {LOST} WHERE reason = 'vanished' AND true_event_name NOT IN ('workflow_started', 'import_attempted')"
    assert world.value(twin) == 0


def test_a_vanished_event_was_never_delivered(world: World) -> None:
    assert world.value(f"SELECT count(*) FROM {LOST} SEMI JOIN {TRULY} USING (true_event_no)") == 0


def test_library_versions_advance_with_releases_and_some_clients_lag(world: World) -> None:
    months = world.rows(f"""SELECT date_trunc('month', received_at), mode(library_version), count(DISTINCT library_version)
        FROM {DELIVERED} WHERE library = 'analytics.js' AND library_version <> '4.1.2' GROUP BY 1 ORDER BY 1""")
    usual = [row[1] for row in months]
    assert usual == sorted(usual)
    assert len(set(usual)) >= 4
    assert max(row[2] for row in months) >= 3


def test_some_versions_leave_fields_out_and_servers_never_do(world: World) -> None:
    lacking = """avg((workflow IS NULL)::INT) FILTER (workflow_id IS NOT NULL)"""
    sides = dict(world.rows(f"SELECT side, {lacking} FROM {DELIVERED} GROUP BY 1"))
    assert sides["server"] == 0
    assert 0.002 <= sides["client"] <= 0.08
    feature = world.value(f"SELECT avg((feature IS NULL)::INT) FROM {DELIVERED} WHERE event = 'feature_used'")
    assert 0.002 <= feature <= 0.08


def test_the_second_tool_tells_value_actions_and_workflows_of_some_accounts_again(world: World) -> None:
    names = {row[0] for row in world.rows(f"SELECT DISTINCT true_event_name FROM {SECOND_TRUTH}")}
    assert names <= CORE_EVENTS | {"workflow_started", "workflow_failed", "import_attempted", "import_failed"}
    accounts = world.value(f"SELECT count(DISTINCT true_account_id) FROM {SECOND_TRUTH}")
    assert 0.08 <= accounts / 300 <= 0.22
    told, known = world.rows(
        f"SELECT count(*), count(*) FILTER (t.insert_id IS NOT NULL) FROM {SECOND} s LEFT JOIN "
        f"(SELECT DISTINCT insert_id FROM {SECOND_TRUTH}) t USING (insert_id)"
    )[0]
    assert told == known > 3_000


def test_a_forwarded_copy_keeps_the_message_id_and_a_direct_one_has_its_own_id_and_clock(world: World) -> None:
    both = f"(SELECT DISTINCT insert_id, true_event_no, is_forwarded FROM {SECOND_TRUTH})"
    strange = f"""SELECT count(*) FROM {both} s ANTI JOIN {TRULY} d
                  ON s.insert_id = d.message_id AND s.true_event_no = d.true_event_no WHERE is_forwarded"""
    assert world.value(strange) == 0
    assert (
        world.value(
            f"SELECT count(*) FROM {both} s SEMI JOIN {TRULY} d ON s.insert_id = d.message_id WHERE NOT is_forwarded"
        )
        == 0
    )
    seconds, exact = world.rows(f"""
        SELECT quantile_cont(abs(epoch(e.event_time) - epoch(d.original_at)), 0.99), avg((e.event_time = d.original_at)::INT)
        FROM {SECOND} e JOIN {both} s USING (insert_id) JOIN {TRULY} t USING (true_event_no)
        JOIN {DELIVERED} d USING (delivery_no) WHERE NOT s.is_forwarded AND t.repeat_kind = 'none'
    """)[0]
    assert seconds < 1
    assert exact < 0.1


def test_the_second_tools_files_hold_the_days_on_which_it_received(world: World) -> None:
    wrong = f"""SELECT count(*) FROM (
        SELECT server_received_time AS received, regexp_extract(filename, '=(.*)[.]parquet', 1) AS day
        FROM read_parquet({SECOND}, filename = true, hive_partitioning = false)) WHERE strftime(received, '%Y-%m-%d') <> day"""
    assert world.value(wrong) == 0
    assert len(list((world.out / "company/amplitude_events").iterdir())) == 240
