-- Sessions and transitions as one would write them by hand for DuckDB alone. {files} are the event files, {out} a folder,
-- {gap_us} and {cap_us} the session rule.
CREATE TEMP TABLE cut AS
WITH starts AS (
    SELECT actor_key, workspace_key, known_date - event_date AS late_days, occurred_us, event_hi, event_lo, event_name, device_type, known_us,
        event_kind = 'track' AND is_core AS core, event_kind = 'track' AND marker = 'friction' AS friction, event_kind = 'track' AND marker = 'intent' AS intent,
        CASE WHEN occurred_us - lag(occurred_us) OVER chain <= {gap_us} THEN NULL ELSE occurred_us END AS start_us
    FROM read_parquet({files}) WHERE event_kind IN ('track', 'page')
    WINDOW chain AS (PARTITION BY actor_key, workspace_key, known_date - event_date ORDER BY occurred_us)
), runs AS (
    SELECT *, max(start_us) OVER (PARTITION BY actor_key, workspace_key, late_days ORDER BY occurred_us RANGE UNBOUNDED PRECEDING) AS run_us,
        occurred_us - occurred_us % 86400000000 AS midnight_us
    FROM starts
)
SELECT * EXCLUDE (start_us, run_us, midnight_us),
    occurred_us - (occurred_us - CASE WHEN run_us <= midnight_us - 86400000000 + {gap_us} THEN midnight_us ELSE run_us END) % {cap_us} AS cut_us
FROM runs;

COPY (
    SELECT actor_key, workspace_key, min(occurred_us) AS started_us, max(occurred_us) AS ended_us, count(*) AS event_count,
        count(*) FILTER (core) AS core_count, count(*) FILTER (friction) AS friction_count, count(*) FILTER (intent) AS intent_count,
        min(device_type) AS device_type, max(known_us) AS known_us
    FROM cut GROUP BY actor_key, workspace_key, late_days, cut_us
) TO '{out}/sessions.parquet' (FORMAT parquet, COMPRESSION zstd);

COPY (
    WITH pairs AS (
        SELECT event_name, lead(event_name) OVER (
            PARTITION BY actor_key, workspace_key, late_days, cut_us ORDER BY occurred_us, event_hi, event_lo) AS next_event_name FROM cut
    )
    SELECT event_name, next_event_name, count(*) AS transition_count FROM pairs WHERE next_event_name IS NOT NULL GROUP BY ALL
) TO '{out}/transitions.parquet' (FORMAT parquet, COMPRESSION zstd);
