-- `append_events` and `append_event` without the notification, which the node sends after the commit: within the
-- transaction it takes a lock that all databases of the server share, and it wakes every listener once for each append.

CREATE FUNCTION scanledger_log.append_group(
    now bigint, part_streams text[], part_versions bigint[],
    ids uuid[], streams text[], versions bigint[], kinds text[], schemas integer[], data bytea[], metadata bytea[],
    OUT last_position bigint, OUT last_recorded_at bigint, OUT actual bigint[]
) LANGUAGE plpgsql AS $$
DECLARE
    asked timestamptz;
    added constant integer := cardinality(ids);
BEGIN
    PERFORM FROM scanledger_log.log FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        asked := clock_timestamp();
        PERFORM FROM scanledger_log.log FOR UPDATE;
        -- The node's clock has gone on while another one had the row.
        now := now + (extract(epoch FROM clock_timestamp() - asked) * 1000000)::bigint;
    END IF;

    actual := ARRAY(
        SELECT coalesce((SELECT max(e.version) FROM scanledger_log.events e WHERE e.stream = p.stream), 0)
        FROM unnest(part_streams) WITH ORDINALITY AS p (stream, place) ORDER BY p.place
    );
    IF actual <> part_versions THEN
        RETURN;
    END IF;
    actual := NULL;

    SELECT e.position, e.recorded_at INTO last_position, last_recorded_at
    FROM scanledger_log.events e ORDER BY e.position DESC LIMIT 1;
    last_position := coalesce(last_position, 0);
    -- Every event is at least a microsecond after the one before it; if there is none, `greatest` ignores it.
    last_recorded_at := greatest(now, last_recorded_at + 1) - 1;

    INSERT INTO scanledger_log.events
        (position, version, recorded_at, id, schema, stream, kind, data, metadata)
    SELECT last_position + n.place, n.version, last_recorded_at + n.place, n.id, n.schema, n.stream, n.kind, n.data,
        n.metadata
    FROM unnest(ids, streams, versions, kinds, schemas, append_group.data, append_group.metadata) WITH ORDINALITY
        AS n (id, stream, version, kind, schema, data, metadata, place);
    last_position := last_position + added;
    last_recorded_at := last_recorded_at + added;
END
$$;

CREATE FUNCTION scanledger_log.append_one(
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
END
$$;
