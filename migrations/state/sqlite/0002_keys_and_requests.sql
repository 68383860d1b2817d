-- Changes whenever the keys here are put under another server key, or are replaced from a backup: a process that
-- opened the store before that must not write keys under the key it still has.
ALTER TABLE key_check ADD COLUMN generation INTEGER NOT NULL DEFAULT 1;

-- The seed of the key that signs checkpoints of the log, under the server's key. Made once and never changed.
CREATE TABLE signing_key (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    wrapped BLOB NOT NULL
) STRICT;

-- Which body came first with a command id that a client chose, and when (microseconds since 1970, UTC).
CREATE TABLE request (
    command BLOB    PRIMARY KEY CHECK (length(command) = 16),
    body    BLOB    NOT NULL CHECK (length(body) = 32),
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX request_seen_at ON request (seen_at);

-- They were checkpoints without a time; their day begins now.
INSERT INTO request (command, body, seen_at)
SELECT unhex(substr(name, length('request/') + 1), '-'), value, CAST(unixepoch('subsec') * 1000000 AS INTEGER)
FROM checkpoint
WHERE name GLOB 'request/*' AND length(value) = 32
  AND length(unhex(substr(name, length('request/') + 1), '-')) = 16;
DELETE FROM checkpoint WHERE name GLOB 'request/*';
