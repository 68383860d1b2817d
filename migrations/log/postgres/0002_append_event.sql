-- Appends one event, as `append_events` appends a group, and with the same answers: what a single caller waits for
-- most is taking arrays apart and putting them together again, so there are none here.
--
-- `actual` is the version of the stream if it has another than `part_version`, and nothing is written then; else it is
-- null.
CREATE FUNCTION scanledger_log.append_event(
    now bigint, part_stream text, part_version bigint,
    id uuid, kind text, schema integer, data bytea, metadata bytea,
    OUT last_position bigint, OUT last_recorded_at bigint, OUT actual bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    asked timestamptz;
BEGIN
    PERFORM FROM scanledger_log.log FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        asked := clock_timestamp();
        PERFORM FROM scanledger_log.log FOR UPDATE;
        now := now + (extract(epoch FROM clock_timestamp() - asked) * 1000000)::bigint;
    END IF;

    SELECT e.position, e.recorded_at,
        (SELECT s.version FROM scanledger_log.events s WHERE s.stream = part_stream ORDER BY s.version DESC LIMIT 1)
    INTO last_position, last_recorded_at, actual
    FROM scanledger_log.events e ORDER BY e.position DESC LIMIT 1;
    actual := coalesce(actual, 0);
    IF actual <> part_version THEN
        RETURN;
    END IF;
    actual := NULL;
    last_position := coalesce(last_position, 0) + 1;
    last_recorded_at := greatest(now, last_recorded_at + 1);

    INSERT INTO scanledger_log.events
        (position, version, recorded_at, id, schema, stream, kind, data, metadata)
    VALUES (last_position, part_version + 1, last_recorded_at, id, schema, part_stream, kind, data, metadata);
    PERFORM pg_notify('scanledger_log', last_position::text);
END
$$;
