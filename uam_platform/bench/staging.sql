-- Raw deliveries to staged events in one script, as one would write it by hand for DuckDB alone, with the same judgement of every delivery
-- and the same recognition of repeats: what is set aside, what repeats, which names are unknown, and the events. No index of ids and no
-- partitions by load, so everything is computed anew from all loads. {raw} and {out} are folders; `names` and `features` are look-up
-- tables made from the taxonomy; the bounds come from the rulebook.

CREATE TEMP VIEW landed AS
SELECT *, split_part(filename, '/', -2) AS load_id, coalesce(event_name, lower(kind)) AS event_name_source,
    epoch_us(try_cast(occurred_text AS TIMESTAMPTZ)) AS client_us, epoch_us(try_cast(original_text AS TIMESTAMPTZ)) AS original_us,
    epoch_us(try_cast(sent_text AS TIMESTAMPTZ)) AS sent_us, epoch_us(try_cast(received_text AS TIMESTAMPTZ)) AS known_us,
    CASE WHEN original_us IS NOT NULL AND sent_us IS NOT NULL AND known_us IS NOT NULL THEN known_us - (sent_us - original_us)
        ELSE coalesce(client_us, original_us) END AS candidate_us,
    least(candidate_us, known_us) AS occurred_us, make_timestamp(occurred_us)::DATE AS event_date, 'segment|' || message_id AS id_text
FROM read_parquet('{raw}/landed/*/*.parquet', filename = true);

CREATE TEMP TABLE judged AS
SELECT load_id, row_no, (md5_number_lower(id_text) >> 1)::BIGINT AS event_lo, (md5_number_upper(id_text) >> 1)::BIGINT AS event_hi, known_us,
    occurred_us, event_date, greatest(event_date, make_timestamp(known_us - {grace_us})::DATE) AS known_date,
    CASE
        WHEN parse_error IS NOT NULL THEN parse_error
        WHEN kind IS NULL OR lower(kind) NOT IN ('track', 'page', 'identify', 'group', 'alias') THEN 'unknown_kind'
        WHEN lower(kind) = 'track' AND event_name IS NULL THEN 'missing_event_name'
        WHEN user_id IS NULL AND anonymous_id IS NULL THEN 'missing_actor'
        WHEN (occurred_text IS NOT NULL AND client_us IS NULL) OR (original_text IS NOT NULL AND original_us IS NULL)
            OR (sent_text IS NOT NULL AND sent_us IS NULL) OR (received_text IS NOT NULL AND known_us IS NULL) THEN 'unreadable_time'
        WHEN candidate_us IS NULL THEN 'missing_time'
        WHEN candidate_us > known_us + {ahead_us} OR candidate_us < known_us - {age_us} THEN 'impossible_time'
        WHEN (duration_ms IS NOT NULL AND try_cast(duration_ms AS BIGINT) IS NULL) OR try_cast(duration_ms AS BIGINT) < 0
            OR (quantity IS NOT NULL AND try_cast(quantity AS BIGINT) IS NULL)
            OR (amount_usd_cents IS NOT NULL AND try_cast(amount_usd_cents AS BIGINT) IS NULL) THEN 'wrong_type' END AS reason
FROM landed;

COPY (
    SELECT 'segment' AS source, 'delivery' AS source_object, load_id, row_no, reason, event_name AS event_name_source, raw_line
    FROM landed JOIN (SELECT load_id, row_no, reason FROM judged WHERE reason IS NOT NULL) USING (load_id, row_no)
) TO '{out}/quarantine.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1);

-- repeats: of each id the copy known on the earliest day counts, of those the one received first
CREATE TEMP TABLE repeats AS
SELECT *, CASE WHEN first_event_date = event_date THEN 'same_day_repeat' ELSE 'other_day_repeat' END AS reason FROM (
    SELECT load_id, row_no, event_hi, event_lo, event_date, known_us, row_number() OVER copies AS place, first(event_date) OVER copies AS first_event_date
    FROM judged WHERE reason IS NULL AND event_lo IN (SELECT event_lo FROM judged WHERE reason IS NULL GROUP BY event_lo HAVING count(*) > 1)
    WINDOW copies AS (PARTITION BY event_lo, event_hi ORDER BY known_date, known_us, occurred_us, load_id, row_no)
) WHERE place > 1;

COPY (
    SELECT 'segment' AS source, event_hi, event_lo, event_date, first_event_date, load_id, row_no, make_timestamp(known_us) AS known_at, reason FROM repeats
) TO '{out}/duplicates_log' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARTITION_BY (event_date));

CREATE TEMP TABLE left_out AS
SELECT load_id, row_no FROM repeats UNION ALL SELECT load_id, row_no FROM judged WHERE reason IS NOT NULL;

DROP TABLE judged;

CREATE TEMP TABLE spelled AS
SELECT kind, event_name_source, coalesce(call.event_name, name.event_name) AS event_name, coalesce(call.marker, name.marker) AS marker,
    coalesce(call.is_core, name.is_core) AS is_core
FROM (SELECT DISTINCT kind, event_name_source FROM landed WHERE parse_error IS NULL)
LEFT JOIN names call ON call.spelling = 'call ' || kind
LEFT JOIN names name ON kind = 'track' AND name.spelling = regexp_replace(lower(event_name_source), '[^a-z0-9]', '', 'g');

CREATE TEMP TABLE bits AS
SELECT feature, feature_bits FROM (SELECT DISTINCT feature FROM landed WHERE feature IS NOT NULL)
JOIN features ON spelling = regexp_replace(lower(feature), '[^a-z0-9]', '', 'g');

COPY (
    SELECT 'segment' AS source, load_id, row_no, event_name_source, event_date FROM landed
    JOIN (SELECT kind, event_name_source FROM spelled WHERE event_name IS NULL) USING (kind, event_name_source)
    ANTI JOIN left_out USING (load_id, row_no)
) TO '{out}/unknown_events' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARTITION_BY (event_date));

COPY (
    SELECT
{event_columns}
    FROM landed ANTI JOIN left_out USING (load_id, row_no)
    JOIN (SELECT * FROM spelled WHERE event_name IS NOT NULL) AS spelled USING (kind, event_name_source) LEFT JOIN bits USING (feature)
) TO '{out}/events' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARTITION_BY (event_date));
