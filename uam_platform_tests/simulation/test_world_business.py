"""Whether a world is a believable business: churn, harm, contracts, identity, delivery. Files: ``test_world_files``."""

from pathlib import Path

import pytest

from uam_platform.simulation.world.clients import RENAMED
from uam_platform.simulation.world.generate import simulate
from uam_platform.simulation.world.product import CORE_EVENTS, VARIANTS
from uam_platform_tests.simulation.worlds import World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    out = tmp_path_factory.mktemp("business") / "world"
    return World(out, simulate(600, 364, 5, out))


DELIVERED = "'{company}/deliveries/*.parquet'"
TRULY = "'{truth}/deliveries.parquet'"


def test_a_test_sized_world_has_churn_and_tickets(tmp_path: Path) -> None:
    summary = simulate(40, 60, 11, tmp_path / "small")
    assert summary.churned >= 1
    assert summary.tickets >= 5
    assert summary.deliveries >= 4_000


def test_about_22_percent_leave_in_a_year_and_a_quarter_of_them_for_no_visible_reason(world: World) -> None:
    years = world.value("SELECT count(*) / 52.18 FROM '{truth}/health.parquet'")
    real = "FROM '{truth}/churn.parquet' WHERE NOT is_censored AND NOT is_after_end"
    assert 0.17 <= world.value(f"SELECT count(*) {real}") / years <= 0.28
    assert 0.15 <= world.value(f"SELECT avg((NOT is_causal)::INT) {real}") <= 0.38


def test_core_activity_falls_after_a_severe_onset_and_not_after_harmless_starts(world: World) -> None:
    names = ", ".join(f"'{name}'" for name in sorted(CORE_EVENTS))
    after, before = world.rows(f"""
        WITH core AS (
            SELECT true_account_id AS account_id, true_occurred_at AS at FROM {TRULY}
            WHERE true_event_name IN ({names}) AND NOT is_duplicate
        ), windows AS (
            SELECT account_id, onset_at, is_harmful FROM '{{truth}}/episodes.parquet'
            WHERE NOT is_onset_before_start AND onset_at < TIMESTAMPTZ '2025-10-06' AND onset_at > TIMESTAMPTZ '2025-03-01'
              AND ((is_harmful AND severity > 0.6 AND end_at - onset_at >= INTERVAL 56 DAY) OR cause = 'rollout')
        )
        SELECT is_harmful,
               sum((core.at >= onset_at + INTERVAL 14 DAY)::INT) / sum((core.at < onset_at)::INT)::DOUBLE
        FROM windows JOIN core USING (account_id)
        WHERE core.at BETWEEN onset_at - INTERVAL 42 DAY AND onset_at + INTERVAL 56 DAY
        GROUP BY is_harmful ORDER BY is_harmful DESC
    """)
    assert (after[0], before[0]) == (True, False)
    assert after[1] < 0.72
    assert before[1] > 0.85


def test_harm_raises_friction_and_support_load(world: World) -> None:
    harmed, clean = world.rows("""
        WITH weeks AS (SELECT account_id, as_of, distress >= 0.5 AS is_harmed FROM '{truth}/health.parquet'
                       WHERE distress >= 0.5 OR distress < 0.05),
        tickets AS (SELECT o.external_id AS account_id, date_trunc('week', t.created_at) AS as_of, count(*) AS n
                    FROM '{company}/zendesk_tickets.parquet' t
                    JOIN '{company}/zendesk_organizations.parquet' o USING (organization_id) GROUP BY ALL)
        SELECT is_harmed, avg(coalesce(n, 0)) FROM weeks LEFT JOIN tickets USING (account_id, as_of)
        GROUP BY is_harmed ORDER BY is_harmed DESC
    """)
    assert harmed[1] > 1.3 * clean[1]


def test_the_oracle_is_calibrated_against_what_happened(world: World) -> None:
    expected, happened, sharp = world.rows("""
        WITH labelled AS (
            SELECT h.p_churn_56d AS p, count(c.account_id) > 0 AS y
            FROM '{truth}/health.parquet' h LEFT JOIN '{truth}/churn.parquet' c
              ON c.account_id = h.account_id AND NOT c.is_censored
             AND c.ended_at > h.as_of AND c.ended_at <= h.as_of + INTERVAL 56 DAY
            GROUP BY h.account_id, h.as_of, h.p_churn_56d
        )
        SELECT avg(p), avg(y::INT), avg(y::INT) FILTER (p > 0.25) FROM labelled
    """)[0]
    assert 0.75 <= happened / expected <= 1.33
    assert sharp >= 0.25


def test_duplicates_late_and_malformed_deliveries_have_their_shares(world: World) -> None:
    assert 0.015 <= world.value(f"SELECT avg(is_duplicate::INT) FROM {TRULY}") <= 0.025
    assert 0.0005 <= world.value(f"SELECT avg((defect IS NOT NULL)::INT) FROM {DELIVERED}") <= 0.0015
    late = f"""SELECT avg((received_at - true_occurred_at > INTERVAL 1 HOUR)::INT)
               FROM {DELIVERED} JOIN {TRULY} t USING (delivery_no) WHERE NOT t.is_duplicate"""
    assert 0.010 <= world.value(late) <= 0.020


def test_a_repeat_has_the_message_id_of_the_delivery_it_repeats(world: World) -> None:
    odd = f"""SELECT count(*) FROM (SELECT message_id FROM {TRULY} GROUP BY message_id
              HAVING count(DISTINCT true_event_no) > 1 OR sum((NOT is_duplicate)::INT) > 1)"""
    assert world.value(odd) == 0
    assert world.value(f"SELECT count(DISTINCT message_id) FROM {TRULY}") < world.summary.deliveries


def test_the_vendors_timestamp_repairs_every_skewed_clock_to_seconds(world: World) -> None:
    worst = f"""SELECT max(abs(epoch(received_at - (sent_at - original_at)) - epoch(true_occurred_at)))
                FROM {DELIVERED} JOIN {TRULY} USING (delivery_no)"""
    assert world.value(worst) < 10
    skewed = f"SELECT count(*) FROM {DELIVERED} WHERE abs(epoch(sent_at) - epoch(received_at)) > 600"
    assert world.value(skewed) > 100


def test_deliveries_are_ordered_by_receipt_within_their_day_and_numbered_without_gaps(world: World) -> None:
    wrong = f"""SELECT count(*) FROM (
        SELECT received_at, lag(received_at) OVER (ORDER BY delivery_no) AS before,
               regexp_extract(filename, '=(.*)[.]parquet', 1) AS day
        FROM read_parquet({DELIVERED}, filename = true, hive_partitioning = false))
        WHERE received_at < before OR strftime(received_at, '%Y-%m-%d') <> day"""
    assert world.value(wrong) == 0
    assert world.rows(f"SELECT min(delivery_no), max(delivery_no), count(*) FROM {DELIVERED}")[0] == (
        0,
        world.summary.deliveries - 1,
        world.summary.deliveries,
    )


def test_nothing_in_the_company_is_later_than_its_end(world: World) -> None:
    for path in sorted((world.out / "company").glob("*.parquet")):
        described = world.rows(f"DESCRIBE SELECT * FROM '{path}'")
        for column in [row[0] for row in described if row[1] == "TIMESTAMP WITH TIME ZONE"]:
            latest = world.value(f"SELECT max(\"{column}\") < TIMESTAMPTZ '2026-01-05' FROM '{path}'")
            assert latest in (True, None), (path.name, column)
    ends = "SELECT count(*) FROM '{company}/salesforce_contract.parquet' WHERE Ended_Date__c >= DATE '2026-01-05'"
    assert world.value(ends) == 0


def test_events_happen_only_while_a_subscription_is_paid_or_on_trial(world: World) -> None:
    in_force = """(SELECT a.Product_Account_Id__c AS account_id, c.StartDate - 1 AS first, coalesce(Ended_Date__c, EndDate) + 1 AS last
                   FROM '{company}/salesforce_contract.parquet' c JOIN '{company}/salesforce_account.parquet' a ON a.Id = AccountId
                   UNION ALL SELECT account_id, "at"::DATE - 1, "at"::DATE + 14
                   FROM '{truth}/account_events.parquet' WHERE kind = 'trial_started')"""
    outside = f"""SELECT d.delivery_no, user_id, type, true_account_id AS account_id, true_occurred_at AS day
                  FROM {TRULY} t JOIN {DELIVERED} d USING (delivery_no)
                  ANTI JOIN {in_force} f ON f.account_id = true_account_id AND true_occurred_at::DATE BETWEEN f.first AND f.last"""
    used = f"SELECT count(*) FROM ({outside}) WHERE user_id IS NOT NULL OR type <> 'page'"
    assert world.value(used) == 0
    looking = f"""SELECT count(*) FILTER (e."at" IS NULL), count(*) FROM ({outside}) o
                  LEFT JOIN '{{truth}}/account_events.parquet' e ON e.account_id = o.account_id AND e.kind = 'trial_started'
                   AND o.day BETWEEN e."at" - INTERVAL 12 DAY AND e."at" """
    unexplained, prospects = world.rows(looking)[0]
    assert unexplained == 0
    assert prospects >= 50


def test_renewals_are_new_contracts_that_follow_their_predecessor(world: World) -> None:
    gaps = """SELECT count(*) FROM '{company}/salesforce_contract.parquet' a
              JOIN '{company}/salesforce_contract.parquet' b ON b.Renewed_From__c = a.Id
              WHERE b.StartDate <> a.EndDate OR a.AccountId <> b.AccountId"""
    assert world.value(gaps) == 0
    share = "SELECT avg((Billing_Period__c = 'monthly')::INT) FROM (SELECT DISTINCT AccountId, Billing_Period__c FROM "
    assert 0.35 <= world.value(share + "'{company}/salesforce_contract.parquet')") <= 0.55


def test_annual_notice_comes_10_to_45_days_before_a_renewal_and_two_weeks_before_an_early_end(world: World) -> None:
    noticed = """FROM '{company}/salesforce_contract.parquet' WHERE Billing_Period__c = 'annual'
                 AND Notice_Date__c IS NOT NULL AND Ended_Date__c"""
    shortest, longest = world.rows(
        f"SELECT min(EndDate - Notice_Date__c), max(EndDate - Notice_Date__c) {noticed} = EndDate"
    )[0]
    assert 10 <= shortest <= longest <= 45
    early = world.rows(f"SELECT DISTINCT Ended_Date__c - Notice_Date__c {noticed} < EndDate")
    assert early in ([], [(14,)])


def test_people_share_devices_and_log_in_by_turns(world: World) -> None:
    alternating = f"""SELECT count(*) FROM (
        SELECT anonymous_id FROM {DELIVERED} WHERE event IN ('user_signed_in', 'Login', 'signed_in')
        GROUP BY anonymous_id HAVING count(DISTINCT user_id) = 2)"""
    assert world.value(alternating) >= 100
    strangers = f"""SELECT count(*) FROM (SELECT DISTINCT anonymous_id, user_id FROM {DELIVERED}
        WHERE anonymous_id IS NOT NULL AND user_id IS NOT NULL) d
        JOIN '{{truth}}/people.parquet' u ON u.identifier = d.user_id AND u.identifier_kind = 'user_id'
        ANTI JOIN (SELECT identifier AS anonymous_id, person_id FROM '{{truth}}/people.parquet'
                   UNION SELECT anonymous_id, person_id FROM '{{truth}}/shared_devices.parquet') k
        ON k.anonymous_id = d.anonymous_id AND k.person_id = u.person_id"""
    assert world.value(strangers) == 0


def test_revenue_is_heavy_tailed_and_no_account_dominates_the_events(world: World) -> None:
    top = """SELECT sum(m) FILTER (r <= 60) / sum(m) FROM (SELECT m, row_number() OVER (ORDER BY m DESC) AS r FROM (
             SELECT AccountId, max(MRR_USD__c) AS m FROM '{company}/salesforce_contract.parquet' GROUP BY AccountId))"""
    assert 0.35 <= world.value(top) <= 0.75
    largest = f"SELECT max(n) / sum(n) FROM (SELECT count(*) AS n FROM {TRULY} GROUP BY true_account_id)"
    assert world.value(largest) <= 0.10


def test_what_a_blocker_swallows_is_known_to_the_truth_and_never_delivered(world: World) -> None:
    lost = "'{truth}/lost_events.parquet'"
    assert world.value(f"SELECT count(*) FROM {lost}") > 500
    assert world.value(f"SELECT count(*) FROM {lost} SEMI JOIN {TRULY} USING (true_event_no)") == 0
    by_client = f"""SELECT count(*) FROM {DELIVERED} JOIN {TRULY} USING (delivery_no)
                    WHERE side = 'client' AND true_person_id IN (
                        SELECT true_person_id FROM {lost} WHERE reason = 'blocked')"""
    assert world.value(by_client) == 0


def test_no_renewal_is_signed_before_the_customer_has_decided(world: World) -> None:
    signed = """SELECT count(*) FROM '{company}/salesforce_contract.parquet' a
                JOIN '{company}/salesforce_contract.parquet' b ON b.Renewed_From__c = a.Id
                JOIN '{company}/salesforce_account.parquet' s ON s.Id = a.AccountId
                JOIN '{truth}/health.parquet' h ON h.account_id = s.Product_Account_Id__c
                WHERE a.Billing_Period__c = 'annual' AND h.days_to_decision IS NOT NULL AND b.CreatedDate < h.as_of
                  AND h.as_of < a.EndDate AND h.as_of >= a.StartDate"""
    assert world.value(signed) == 0


@pytest.mark.parametrize("difficulty", ["easy", "hard"])
def test_other_difficulties_keep_the_business_and_change_the_signal(difficulty: str, tmp_path: Path) -> None:
    world = World(tmp_path / "world", simulate(150, 182, 5, tmp_path / "world", difficulty))
    assert world.summary.churned >= 5
    assert world.summary.deliveries / (150 * 182) > 2.0


def test_a_sloppy_name_is_a_variant_of_the_event_it_stands_for(world: World) -> None:
    delivered = world.rows(f"""SELECT true_event_name, event, count(*) FROM {DELIVERED} JOIN {TRULY} USING (delivery_no)
                               WHERE type = 'track' GROUP BY ALL""")
    drifted = set(RENAMED.values())
    varied = [(name, event) for name, event, _ in delivered if name != event and event not in drifted]
    assert [pair for pair in varied if pair[1] not in VARIANTS.get(pair[0], ())] == []
    assert {name for name, _ in varied} == set(VARIANTS)


def test_a_workflow_ends_after_it_started(world: World) -> None:
    backwards = f"""SELECT count(*), count(*) FILTER (stop < start) FROM (
        SELECT workflow_id, min(true_occurred_at) FILTER (workflow_state = 'started') AS start,
               min(true_occurred_at) FILTER (workflow_state <> 'started') AS stop
        FROM {DELIVERED} JOIN {TRULY} USING (delivery_no) WHERE workflow_id IS NOT NULL GROUP BY workflow_id)"""
    runs, wrong = world.rows(backwards)[0]
    assert runs > 10_000
    assert wrong == 0
