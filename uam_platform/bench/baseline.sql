-- Raw deliveries to events, sessions and daily activity in one script, as one would write it by hand for DuckDB alone:
-- no contracts, no quarantine, no index of ids, everything computed anew from all loads. {raw} and {out} are folders;
-- `names` and `features` are look-up tables made from the taxonomy, {gap_us}, {cap_us} and {grace_us} come from the rulebook.

CREATE TEMP VIEW landed AS
SELECT *, split_part(filename, '/', -2) AS load_id,
    epoch_us(try_cast(occurred_text AS TIMESTAMPTZ)) AS client_us, epoch_us(try_cast(original_text AS TIMESTAMPTZ)) AS original_us,
    epoch_us(try_cast(sent_text AS TIMESTAMPTZ)) AS sent_us, epoch_us(try_cast(received_text AS TIMESTAMPTZ)) AS known_us,
    CASE WHEN original_us IS NOT NULL AND sent_us IS NOT NULL THEN known_us - (sent_us - original_us) ELSE coalesce(client_us, original_us) END AS candidate_us,
    least(candidate_us, known_us) AS occurred_us, make_timestamp(occurred_us)::DATE AS event_date, 'segment|' || message_id AS id_text
FROM read_parquet('{raw}/landed/*/*.parquet', filename = true)
WHERE parse_error IS NULL AND (user_id IS NOT NULL OR anonymous_id IS NOT NULL);

-- repeats: of each id the copy known on the earliest day counts, of those the one received first
CREATE TEMP TABLE copies AS
SELECT (md5_number_lower(id_text) >> 1)::BIGINT AS event_lo, (md5_number_upper(id_text) >> 1)::BIGINT AS event_hi, load_id, known_us, row_no,
    occurred_us, greatest(event_date, make_timestamp(known_us - {grace_us})::DATE) AS known_date FROM landed;

CREATE TEMP TABLE repeats AS
SELECT load_id, row_no FROM copies WHERE event_lo IN (SELECT event_lo FROM copies GROUP BY event_lo HAVING count(*) > 1)
QUALIFY row_number() OVER (PARTITION BY event_lo, event_hi ORDER BY known_date, known_us, occurred_us, load_id, row_no) > 1;

DROP TABLE copies;

CREATE TEMP TABLE spelled AS
SELECT kind, event_name_source, coalesce(call.event_name, name.event_name) AS event_name, coalesce(call.marker, name.marker) AS marker,
    coalesce(call.is_core, name.is_core) AS is_core
FROM (SELECT DISTINCT kind, coalesce(event_name, kind) AS event_name_source FROM landed)
LEFT JOIN names call ON call.spelling = 'call ' || kind
LEFT JOIN names name ON kind = 'track' AND name.spelling = regexp_replace(lower(event_name_source), '[^a-z0-9]', '', 'g')
WHERE coalesce(call.event_name, name.event_name) IS NOT NULL;

CREATE TEMP TABLE bits AS
SELECT feature, feature_bits FROM (SELECT DISTINCT feature FROM landed WHERE feature IS NOT NULL)
JOIN features ON spelling = regexp_replace(lower(feature), '[^a-z0-9]', '', 'g');

COPY (
    SELECT
{event_columns}
    FROM landed ANTI JOIN repeats USING (load_id, row_no)
    JOIN spelled USING (kind) LEFT JOIN bits USING (feature)
    WHERE spelled.event_name_source = coalesce(landed.event_name, kind)
) TO '{out}/events' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARTITION_BY (event_date));

CREATE TEMP VIEW events AS SELECT * FROM read_parquet('{out}/events/*/*.parquet', hive_types = {{'event_date': DATE}});

COPY (
    WITH actions AS (
        SELECT actor_key, workspace_key, event_date, occurred_at, occurred_us, device_type, known_us, known_date, known_date - event_date AS late_days,
            event_kind = 'track' AND is_core AS core, event_kind = 'track' AND marker = 'friction' AS friction, event_kind = 'track' AND marker = 'intent' AS intent
        FROM events WHERE event_kind IN ('track', 'page')
    ), starts AS (
        SELECT *, CASE WHEN occurred_us - lag(occurred_us) OVER chain <= {gap_us} THEN NULL ELSE occurred_us END AS start_us FROM actions
        WINDOW chain AS (PARTITION BY actor_key, workspace_key, late_days ORDER BY occurred_us)
    ), runs AS (
        SELECT *, max(start_us) OVER (PARTITION BY actor_key, workspace_key, late_days ORDER BY occurred_us RANGE UNBOUNDED PRECEDING) AS run_us,
            occurred_us - occurred_us % 86400000000 AS midnight_us
        FROM starts
    ), cut AS (
        SELECT *, occurred_us - (occurred_us - CASE WHEN run_us <= midnight_us - 86400000000 + {gap_us} THEN midnight_us ELSE run_us END) % {cap_us} AS cut_us
        FROM runs
    )
    SELECT actor_key, workspace_key, min(event_date) AS session_date, min(occurred_at) AS started_at, min(occurred_us) AS started_us,
        max(occurred_at) AS ended_at, max(occurred_us) AS ended_us, (max(occurred_us) - min(occurred_us)) // 1000 AS duration_ms,
        count(*) AS event_count, count(*) FILTER (core) AS core_count, count(*) FILTER (friction) AS friction_count,
        count(*) FILTER (intent) AS intent_count, min(device_type) AS device_type, max(known_us) AS known_us, min(known_date) AS known_date
    FROM cut GROUP BY actor_key, workspace_key, late_days, cut_us
) TO '{out}/sessions' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARTITION_BY (session_date));

COPY (
    WITH counted AS (
        SELECT actor_key, workspace_key, event_date, known_date, count(*) FILTER (event_kind IN ('track', 'page')) AS event_count,
            count(*) FILTER (event_kind = 'track' AND is_core) AS core_count, count(*) FILTER (event_kind = 'track' AND marker = 'friction') AS friction_count,
            count(*) FILTER (event_kind = 'track' AND marker = 'intent') AS intent_count,
            count(*) FILTER (event_kind = 'track' AND marker = 'progress') AS progress_count, coalesce(bit_or(feature_bits) FILTER (event_kind = 'track'), 0) AS feature_bits,
            bool_or(coalesce(role = 'admin', false)) AS is_admin, coalesce(sum(amount_usd_cents) FILTER (event_kind = 'track'), 0) AS amount_usd_cents,
            coalesce(sum(quantity) FILTER (event_kind = 'track'), 0) AS quantity
        FROM events GROUP BY ALL
    ), visits AS (
        SELECT actor_key, workspace_key, session_date AS event_date, known_date, count(*) AS session_count
        FROM read_parquet('{out}/sessions/*/*.parquet', hive_types = {{'session_date': DATE}}) GROUP BY ALL
    )
    SELECT actor_key, workspace_key, event_date, known_date, coalesce(event_count, 0) AS event_count, coalesce(core_count, 0) AS core_count,
        coalesce(friction_count, 0) AS friction_count, coalesce(intent_count, 0) AS intent_count, coalesce(progress_count, 0) AS progress_count,
        coalesce(session_count, 0) AS session_count, coalesce(feature_bits, 0) AS feature_bits, coalesce(is_admin, false) AS is_admin,
        coalesce(amount_usd_cents, 0) AS amount_usd_cents, coalesce(quantity, 0) AS quantity
    FROM counted FULL JOIN visits USING (actor_key, workspace_key, event_date, known_date)
    WHERE coalesce(event_count, 0) > 0 OR coalesce(session_count, 0) > 0
) TO '{out}/actor_days' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARTITION_BY (event_date));
