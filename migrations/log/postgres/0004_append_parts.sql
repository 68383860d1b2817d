-- `append_group` with what events have in common given once: most events of a group are of one request, and have one
-- stream, one type and one metadata between them. That is half of the bytes, and two arrays less to take apart for
-- each event; and rows go from the arrays to the table without being put down in between, as those of `FROM unnest`
-- are.
--
-- `parts` and `headers` have one entry per event: the places, from 1, of its stream in `part_streams`, and of its
-- type, schema and metadata in `kinds`, `schemas` and `metadata`.
CREATE FUNCTION scanledger_log.append_parts(
    now bigint, part_streams text[], part_versions bigint[], kinds text[], schemas integer[], metadata bytea[],
    ids uuid[], parts integer[], versions bigint[], headers integer[], data bytea[],
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
    SELECT last_position + n.place, n.version, last_recorded_at + n.place, n.id, schemas[n.header],
        part_streams[n.part], kinds[n.header], n.data, append_parts.metadata[n.header]
    FROM (
        SELECT generate_series(1, added) AS place, unnest(ids) AS id, unnest(parts) AS part,
            unnest(versions) AS version, unnest(headers) AS header, unnest(append_parts.data) AS data
    ) n;
    last_position := last_position + added;
    last_recorded_at := last_recorded_at + added;
END
$$;
