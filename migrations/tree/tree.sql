-- The Merkle tree over the log (RFC 9162 §2.1): hashes of complete subtrees, which never change once they are
-- there. Disposable: built again from the log.

-- Where it stands. `log` and `last_event` tell whether the file belongs to a log; `position` and `size` are of the
-- last event in it.
CREATE TABLE tree (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    log        BLOB    NOT NULL CHECK (length(log) = 16),
    size       INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    last_event BLOB    CHECK (length(last_event) = 16)
) STRICT;

-- Up to 256 hashes in a row, 32 bytes each: on level 0 of leaves, on level n of the subtrees over 256^n leaves.
-- What lies between (subtrees over 2, 4, … 128 of them) is hashed when it is asked for. 32.1 bytes per event
-- instead of some 90 for a row per node.
CREATE TABLE tile (
    level  INTEGER NOT NULL,
    number INTEGER NOT NULL,
    hashes BLOB    NOT NULL CHECK (length(hashes) BETWEEN 32 AND 8192 AND length(hashes) % 32 = 0),
    PRIMARY KEY (level, number)
) STRICT;

-- Which leaf stands at which position: a row where a run of neighbouring positions begins. A log without holes has
-- one row.
CREATE TABLE run (
    leaf     INTEGER PRIMARY KEY,
    position INTEGER NOT NULL UNIQUE
) STRICT;
