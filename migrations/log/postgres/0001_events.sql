-- The event log. Migrations here only add: old binaries must be able to append to what newer ones made. A function
-- that has to change gets a new name, so that nodes of the version before go on calling the one they know.

-- What tells one log from another, made with the schema. An appender holds this row while it writes: positions are
-- given out under it, so they are contiguous, and a reader never sees one before the one below it. The row is
-- locked and never updated, because each update would leave a dead row behind for as long as any snapshot lasts,
-- and every later append would have to step over all of them.
CREATE TABLE scanledger_log.log (
    one      boolean NOT NULL DEFAULT true CHECK (one),
    identity uuid    NOT NULL DEFAULT gen_random_uuid(),
    CONSTRAINT log_one PRIMARY KEY (one)
);
INSERT INTO scanledger_log.log DEFAULT VALUES;

-- `data` and `metadata` are the exact bytes that were appended; `recorded_at` is microseconds since 1970, UTC.
-- Columns of fixed width come first, which saves their padding. Names are compared as bytes, whatever the
-- database's locale is.
CREATE TABLE scanledger_log.events (
    position    bigint  NOT NULL,
    version     bigint  NOT NULL,
    recorded_at bigint  NOT NULL,
    id          uuid    NOT NULL,
    schema      integer NOT NULL,
    stream      text    NOT NULL COLLATE "C",
    kind        text    NOT NULL COLLATE "C",
    data        bytea   NOT NULL,
    metadata    bytea   NOT NULL,
    CONSTRAINT events_position PRIMARY KEY (position),
    CONSTRAINT events_id UNIQUE (id),
    CONSTRAINT events_stream_version UNIQUE (stream, version)
);

-- Appends a group of batches, or nothing of it. One call is one transaction, so the row is held for no time that a
-- client or the network takes, and no client that stands still can hold it.
--
-- `now` is the clock of the node. The parts are the group's streams, once each, with the version that each must
-- have; the other arrays have one entry per event. If a stream has another version, nothing is written, and `actual`
-- holds the versions of all parts; else `actual` is null and `last_position` and `last_recorded_at` are those of the
-- last event written. An id that is in the log already fails the call on `events_id`.
--
-- Each statement of a volatile function sees what was committed before it began (read committed), so those after
-- the lock see everything that was written under it before.
CREATE FUNCTION scanledger_log.append_events(
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
    FROM unnest(ids, streams, versions, kinds, schemas, append_events.data, append_events.metadata) WITH ORDINALITY
        AS n (id, stream, version, kind, schema, data, metadata, place);
    last_position := last_position + added;
    last_recorded_at := last_recorded_at + added;
    PERFORM pg_notify('scanledger_log', last_position::text);
END
$$;
