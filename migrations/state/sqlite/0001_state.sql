-- State that is neither history nor projection: backed up, and no part of the log's digests.

-- A known text under the server's key: tells whether a file belongs to a key before anything is done with it.
CREATE TABLE key_check (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    sealed BLOB NOT NULL
) STRICT;

-- The installation's key for keyed hashes, under the server's key. Made once and never changed: names of
-- claim streams and identities of secrets in the log depend on it.
CREATE TABLE data_key (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    wrapped BLOB NOT NULL
) STRICT;

-- One key per person or caller, under the server's key. Deleting the row erases the person.
CREATE TABLE subject_key (
    subject BLOB PRIMARY KEY CHECK (length(subject) = 16),
    wrapped BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Who was erased, in that order; no key is made for them again. `seq` only grows, which is how a process
-- sees that another one has erased somebody.
CREATE TABLE erased_subject (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    subject BLOB NOT NULL CHECK (length(subject) = 16)
) STRICT;
CREATE UNIQUE INDEX erased_subject_subject ON erased_subject (subject);

-- Who works on what, and until when (microseconds since 1970, UTC).
CREATE TABLE lease (
    name      TEXT    PRIMARY KEY,
    owner     TEXT    NOT NULL,
    attempt   INTEGER NOT NULL,
    until     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX lease_until ON lease (until);

-- When an API key was last used (microseconds since 1970, UTC); may lag behind by a minute.
CREATE TABLE key_use (
    api_key      BLOB    PRIMARY KEY CHECK (length(api_key) = 16),
    last_used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How far a reactor or publisher has come.
CREATE TABLE checkpoint (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
