"""Whether behaviour follows hidden state as it says: releases, kinds of customers, sequences, patterns, growth, nulls."""

from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from uam_platform.simulation.world.clock import BEYOND_DAYS
from uam_platform.simulation.world.cohorts import churn_weights, onset_factor
from uam_platform.simulation.world.difficulty import DIFFICULTIES, Difficulty
from uam_platform.simulation.world.generate import simulate
from uam_platform.simulation.world.hidden_state import CONCERNS, HiddenState, draw_hidden_state
from uam_platform.simulation.world.population import Accounts, make_accounts
from uam_platform.simulation.world.product import CORE_EVENTS
from uam_platform.simulation.world.releases import shocks
from uam_platform.simulation.world.seasons import holiday_week, season_week

DAYS = 364
_DEFAULT = DIFFICULTIES["default"]
_CORE = "e IN (" + ", ".join(f"'{name}'" for name in sorted(CORE_EVENTS)) + ")"
Asked = list[tuple[object, ...]]


class World:
    """A world whose true events are at hand as ``ev``: a (account), p (person), e (name), ts, w (workflow), st (state)."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._base = duckdb.connect()
        self._base.execute("SET TimeZone = 'UTC'")
        self._base.execute(f"""CREATE TABLE ev AS
            SELECT t.true_account_id AS a, t.true_person_id AS p, t.true_event_name AS e, t.true_occurred_at AS ts,
                   d.workflow AS w, d.workflow_state AS st
            FROM '{out}/truth/deliveries.parquet' t JOIN '{out}/company/deliveries/*.parquet' d USING (delivery_no)
            WHERE NOT t.is_duplicate""")

    def rows(self, sql: str) -> Asked:
        return self._base.execute(sql.format(company=self._out / "company", truth=self._out / "truth")).fetchall()

    def value(self, sql: str) -> float:
        return float(str(self.rows(sql)[0][0]))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    out = tmp_path_factory.mktemp("behaviour") / "world"
    simulate(300, DAYS, 5, out)
    return World(out)


def _drawn(vector: Difficulty, count: int = 400, seed: int = 3) -> tuple[Accounts, HiddenState]:
    names = ("accounts", "health", "benign", "noise", *CONCERNS)
    streams = zip(names, np.random.SeedSequence(seed).spawn(len(names)), strict=True)
    rng = {name: np.random.default_rng(stream) for name, stream in streams}
    accounts = make_accounts(count, DAYS, vector, rng["accounts"])
    return accounts, draw_hidden_state(accounts, DAYS, -(-(DAYS + BEYOND_DAYS) // 7), vector, rng)


def test_a_year_has_a_release_a_week_and_one_of_them_is_harmful_behind_a_flag_and_fixed_later(world: World) -> None:
    assert world.value("SELECT count(*) FROM '{company}/releases.parquet'") == 52
    assert 5 <= world.value("SELECT count(flag_key) FROM '{company}/releases.parquet'") <= 24
    harmful = world.rows("SELECT flag_key, workflow, released_at FROM '{truth}/releases.parquet' WHERE is_harmful")
    assert len(harmful) == 1
    flag, workflow, released = harmful[0]
    assert flag is not None
    fixes = f"""SELECT count(*) FROM '{{company}}/releases.parquet' WHERE kind = 'fix' AND component = '{workflow}'
                AND released_at BETWEEN TIMESTAMPTZ '{released}' AND TIMESTAMPTZ '{released}' + INTERVAL 49 DAY"""
    assert world.value(fixes) >= 1


def test_a_flag_reaches_accounts_over_days(world: World) -> None:
    spans = world.rows("""SELECT date_diff('hour', min(exposed_at), max(exposed_at)) FROM '{company}/flag_exposures.parquet'
                          WHERE flag_key LIKE 'flag%' GROUP BY flag_key HAVING count(DISTINCT account_id) > 30""")
    assert spans
    assert all(float(str(span[0])) > 24 for span in spans)


def test_most_broken_workflows_begin_with_the_harmful_release_and_only_where_it_was_seen(world: World) -> None:
    near, everywhere, unseen = world.rows("""
        WITH bad AS (SELECT flag_key, released_at FROM '{truth}/releases.parquet' WHERE is_harmful),
        onset AS (SELECT account_id, onset_at, onset_at BETWEEN released_at - INTERVAL 1 DAY
                         AND released_at + INTERVAL 6 DAY AS is_near, flag_key
                  FROM '{truth}/episodes.parquet', bad WHERE cause = 'broken_workflow' AND NOT is_onset_before_start)
        SELECT sum(is_near::INT), count(*), sum((is_near AND account_id NOT IN (
            SELECT account_id FROM '{company}/flag_exposures.parquet' f WHERE f.flag_key = onset.flag_key))::INT)
        FROM onset""")[0]
    assert int(str(near)) >= 0.35 * int(str(everywhere))
    assert int(str(unseen)) <= 2


def test_a_harmful_release_breaks_one_workflow_and_leaves_the_others(world: World) -> None:
    broken, other = world.rows("""
        WITH bad AS (SELECT workflow, released_at FROM '{truth}/releases.parquet' WHERE is_harmful),
        hurt AS (SELECT account_id AS a, onset_at, workflow FROM '{truth}/episodes.parquet', bad
                 WHERE cause = 'broken_workflow' AND severity > 0.5
                   AND onset_at BETWEEN released_at - INTERVAL 1 DAY AND released_at + INTERVAL 6 DAY)
        SELECT w = workflow, avg((st = 'failed')::INT) FROM ev JOIN hurt USING (a)
        WHERE st IN ('completed', 'failed') AND ts BETWEEN onset_at + INTERVAL 7 DAY AND onset_at + INTERVAL 35 DAY
        GROUP BY 1 ORDER BY 1 DESC""")
    assert float(str(broken[1])) > 2.5 * float(str(other[1]))


def test_shallow_accounts_come_often_and_do_little(world: World) -> None:
    shallow, others = world.rows(f"""
        WITH k AS (SELECT account_id AS a FROM '{{truth}}/cohorts.parquet' WHERE cohort = 'C1'),
        s AS (SELECT a, count(*) FILTER (e = 'user_signed_in') AS logins, count(*) FILTER ({_CORE}) AS core
              FROM ev GROUP BY a)
        SELECT a IN (FROM k) AS is_c1, avg(logins), sum(core) / sum(logins) FROM s GROUP BY 1 ORDER BY 1 DESC""")
    assert float(str(shallow[1])) > 1.1 * float(str(others[1]))
    assert float(str(shallow[2])) < 0.6 * float(str(others[2]))


def test_dependents_get_most_of_their_value_through_one_workflow(world: World) -> None:
    dependent, others = world.rows(f"""
        WITH k AS (SELECT account_id AS a FROM '{{truth}}/cohorts.parquet' WHERE cohort = 'C2'),
        value AS (SELECT a, CASE WHEN e LIKE 'report%' THEN 'reporting' WHEN e = 'dashboard_shared' THEN 'sharing'
                                 WHEN e = 'alert_rule_saved' THEN 'alerting' ELSE w END AS way, count(*) AS n
                  FROM ev WHERE {_CORE} GROUP BY ALL),
        share AS (SELECT a, max(n) / sum(n) AS largest FROM value GROUP BY a HAVING sum(n) >= 50)
        SELECT a IN (FROM k) AS is_c2, quantile_cont(largest, 0.2), median(largest) FROM share GROUP BY 1 ORDER BY 1 DESC""")
    assert float(str(dependent[1])) >= 0.70
    assert float(str(others[2])) < 0.70


def test_evaluators_compare_and_hardly_work(world: World) -> None:
    looks = "e IN ('pricing_viewed', 'plan_compared', 'security_settings_viewed', 'settings_explored')"
    evaluators, others = world.rows(f"""
        WITH k AS (SELECT person_id AS p FROM '{{truth}}/cohorts.parquet' WHERE cohort = 'C3')
        SELECT p IN (FROM k) AS is_c3, avg(({looks})::INT), avg(({_CORE})::INT) FROM ev GROUP BY 1 ORDER BY 1 DESC""")
    assert float(str(evaluators[1])) > 5 * float(str(others[1]))
    assert float(str(evaluators[2])) < 0.5 * float(str(others[2]))


def test_every_sequence_is_planted_with_decoys_and_its_ends_are_events_that_happened(world: World) -> None:
    found = world.rows("SELECT DISTINCT sequence, is_decoy FROM '{truth}/sequences.parquet'")
    assert {(f"S{number}", is_decoy) for number in (1, 2, 3, 4) for is_decoy in (False, True)} == set(found)
    ends = {"S1": ("setup_started", "report_generated"), "S2": ("pricing_viewed", "seat_limit_reached")}
    for sequence, (first, last) in ends.items():
        met = world.value(f"""
            WITH s AS (SELECT * FROM '{{truth}}/sequences.parquet' WHERE sequence = '{sequence}' AND NOT is_decoy)
            SELECT avg((EXISTS (FROM ev WHERE a = s.account_id AND e = '{first}' AND ts = s.first_at)
                   AND EXISTS (FROM ev WHERE a = s.account_id AND e = '{last}' AND ts = s.last_at))::INT) FROM s""")
        assert met > 0.8
    assert world.value("SELECT max(date_diff('day', first_at, last_at)) FROM '{truth}/sequences.parquet'"
                       " WHERE sequence IN ('S1', 'S2') AND NOT is_decoy") <= 30  # fmt: skip


def test_a_planted_report_of_a_failed_import_is_a_ticket_of_the_person_to_whom_it_happened(world: World) -> None:
    met = world.value("""
        WITH s AS (SELECT * FROM '{truth}/sequences.parquet' WHERE sequence = 'S3' AND NOT is_decoy),
        t AS (SELECT u.identifier, k.created_at, u.person_id FROM '{company}/zendesk_tickets.parquet' k
              JOIN '{company}/zendesk_users.parquet' z ON z.zendesk_user_id = k.requester_id
              JOIN '{truth}/people.parquet' u ON u.identifier_kind = 'email' AND u.identifier = z.email)
        SELECT avg((EXISTS (FROM t WHERE t.person_id = s.person_id AND t.created_at = s.last_at))::INT) FROM s""")
    assert met > 0.9


def test_after_a_planted_escalation_use_falls(world: World) -> None:
    rows = world.rows(f"""
        WITH s AS (SELECT planting_id, account_id AS a, first_at, last_at - INTERVAL 14 DAY AS raised
                   FROM '{{truth}}/sequences.parquet' WHERE sequence = 'S4' AND NOT is_decoy)
        SELECT count(*) FILTER (ts >= first_at - INTERVAL 28 DAY AND ts < first_at),
               count(*) FILTER (ts >= raised AND ts < raised + INTERVAL 14 DAY)
        FROM s JOIN ev USING (a) WHERE {_CORE} GROUP BY planting_id""")
    assert len(rows) >= 3
    before, after = (np.array([float(str(row[side])) for row in rows]) for side in (0, 1))
    assert (after <= 0.6 * before / 2 + 2).all()


def test_patterns_of_trouble_are_commoner_before_an_end_and_null_patterns_are_not(world: World) -> None:
    near, far = world.rows("""
        WITH ends AS (SELECT account_id, ended_at FROM '{truth}/churn.parquet' WHERE is_causal),
        weeks AS (SELECT h.account_id, as_of, bool_or(c.ended_at IS NOT NULL) AS is_near FROM '{truth}/health.parquet' h
                  LEFT JOIN ends c ON c.account_id = h.account_id AND c.ended_at BETWEEN as_of AND as_of + INTERVAL 84 DAY
                  GROUP BY ALL),
        plays AS (SELECT w.*, p.outcome FROM weeks w LEFT JOIN '{truth}/patterns.parquet' p
                  ON p.account_id = w.account_id AND date_trunc('week', p.first_at) = w.as_of)
        SELECT is_near, count(*) FILTER (outcome = 'churn') / count(DISTINCT (account_id, as_of)),
               count(*) FILTER (outcome = 'none') / count(DISTINCT (account_id, as_of))
        FROM plays GROUP BY 1 ORDER BY 1 DESC""")
    assert float(str(near[1])) > 1.7 * float(str(far[1])) > 0
    assert float(str(near[2])) < 1.7 * float(str(far[2]))


def test_driven_growth_is_announced_by_intent_and_growth_without_a_drive_is_not(world: World) -> None:
    driven, silent = world.rows("""
        WITH g AS (SELECT account_id AS a, is_driven, grew_at FROM '{truth}/expansions.parquet'
                   WHERE grew_at > TIMESTAMPTZ '2025-06-01')
        SELECT is_driven,
               count(*) FILTER (ts BETWEEN grew_at - INTERVAL 28 DAY AND grew_at)
               / greatest(1, count(*) FILTER (ts BETWEEN grew_at - INTERVAL 147 DAY AND grew_at - INTERVAL 119 DAY))
        FROM g JOIN ev USING (a)
        WHERE e IN ('pricing_viewed', 'plan_compared', 'admin_invited', 'member_invited', 'seat_limit_reached')
        GROUP BY 1 ORDER BY 1 DESC""")
    assert float(str(driven[1])) > 1.5 * float(str(silent[1]))
    shares = world.rows("SELECT count(grew_at), count(*) FROM '{truth}/expansions.parquet' WHERE is_driven")[0]
    assert 0.35 <= int(str(shares[0])) / int(str(shares[1])) <= 0.8


def test_without_signal_no_channel_knows_of_harm() -> None:
    blind = replace(_DEFAULT, name="blind", signal_gain=0.0)
    _, harmed = _drawn(blind)
    _, unharmed = _drawn(replace(blind, harm_per_year=0.0))
    assert harmed.health.active.any()
    assert not unharmed.health.active.any()
    for channel, values in harmed.channels.items():
        if channel != "broken":
            np.testing.assert_array_equal(values, unharmed.channels[channel], err_msg=channel)
    assert not harmed.channels["damage"].any()
    assert harmed.law.coupled == 0.0


def test_without_signal_kinds_of_customers_leave_alike() -> None:
    blind = replace(_DEFAULT, name="blind", signal_gain=0.0)
    _, state = _drawn(blind)
    assert (onset_factor(state.cohorts, blind) == 1.0).all()
    assert (churn_weights(state.cohorts, blind) == churn_weights(state.cohorts, blind)[0]).all()
    assert (churn_weights(state.cohorts, _DEFAULT)[state.cohorts.of("C2"), 0] > 1.0).all()


def test_harm_off_leaves_no_harm_and_no_harmful_release() -> None:
    _, state = _drawn(replace(_DEFAULT, name="calm", harm_per_year=0.0))
    assert len(state.health.spell_account) == 0
    assert not state.releases.is_harmful.any()


def test_a_cause_left_out_never_occurs_and_the_others_do() -> None:
    _, state = _drawn(replace(_DEFAULT, name="four", causes=_DEFAULT.causes[1:]))
    assert set(state.health.spell_cause.tolist()) == {1, 2, 3, 4}
    assert not state.releases.is_harmful.any()


def test_look_alikes_can_be_swapped_and_left_out(tmp_path: Path) -> None:
    simulate(60, 120, 2, tmp_path / "swapped", replace(_DEFAULT, name="swapped", lookalikes=("project_pause",)))
    found = duckdb.sql(
        f"SELECT DISTINCT cause FROM '{tmp_path}/swapped/truth/episodes.parquet' WHERE NOT is_harmful"
    ).fetchall()
    assert found == [("project_pause",)]
    assert len(_drawn(replace(_DEFAULT, name="none", lookalikes=()))[1].benign.account) == 0


def test_a_name_of_a_driver_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="weather: use broken_workflow"):
        replace(_DEFAULT, causes=("weather",))


def test_what_releases_bring_on_average_is_what_the_law_lacks_outside_them() -> None:
    accounts, state = _drawn(_DEFAULT, count=3_000)
    pushed = shocks(state.releases, state.law.onset[:, 0], state.cohorts, DAYS // 7, _DEFAULT)
    plain = (state.cohorts.main_workflow < 0) & (accounts.start_day < 0)
    brought = pushed.sum(axis=0)[plain].mean()
    assert brought == pytest.approx(state.law.coupled * 52 * state.law.onset[plain, 0].mean(), rel=0.15)


def test_announced_look_alikes_stand_in_the_public_calendar() -> None:
    accounts, state = _drawn(_DEFAULT)
    benign = state.benign
    for index in np.flatnonzero(benign.is_announced & (benign.first_week > 0)):
        account, first = benign.account[index], int(benign.first_week[index])
        if benign.kind[index] == 0:
            assert holiday_week(int(accounts.offset_min[account]), first) == first
        if benign.kind[index] == 3:
            assert season_week(int(accounts.industry[account]), first) == first


def test_an_account_on_the_other_path_imports_first_and_suffers_nothing() -> None:
    accounts, state = _drawn(_DEFAULT)
    assert 0 < state.on_other_path.sum() < 0.5 * (accounts.start_day >= 0).sum()
    calm, other = _drawn(replace(_DEFAULT, name="usual", other_path_share=0.0))[1], state
    np.testing.assert_array_equal(calm.health.level, other.health.level)


def test_friction_in_onboarding_shows_as_setting_up_again_in_vain(world: World) -> None:
    struggling, usual = world.rows("""
        WITH h AS (SELECT account_id AS a, as_of, level_onboarding_friction > 0.4 AS struggles
                   FROM '{truth}/health.parquet' WHERE level_onboarding_friction > 0.4 OR distress < 0.05)
        SELECT struggles, count(*) FILTER (e = 'setup_abandoned') / count(*) FILTER (e = 'user_signed_in')
        FROM ev JOIN h ON h.a = ev.a AND date_trunc('week', ts) = as_of GROUP BY 1 ORDER BY 1 DESC""")
    assert float(str(struggling[1])) > 2.5 * float(str(usual[1]))
