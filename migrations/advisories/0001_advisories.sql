-- The advisories in force. One row per OSV record; what it says about packages is in `affected`.

CREATE TABLE generation (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    -- Counts the imports that changed a record; 0 while there was none.
    number  INTEGER NOT NULL
) STRICT;
INSERT INTO generation (one, number) VALUES (1, 0);

CREATE TABLE advisory (
    key       INTEGER PRIMARY KEY,
    id        TEXT NOT NULL,
    -- Microseconds since 1970 UTC; NULL where the source gives no usable time.
    modified  INTEGER,
    withdrawn INTEGER NOT NULL,
    -- SHA-256 over everything that is kept of the record.
    digest    BLOB NOT NULL,
    -- JSON: summary, details, CWE, references, aliases.
    text      TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX advisory_id ON advisory (id);

CREATE TABLE package (
    key       INTEGER PRIMARY KEY,
    ecosystem TEXT NOT NULL,
    name      TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX package_name ON package (ecosystem, name);

-- A withdrawn record has no rows here.
CREATE TABLE affected (
    package  INTEGER NOT NULL REFERENCES package (key),
    advisory INTEGER NOT NULL REFERENCES advisory (key),
    ordinal  INTEGER NOT NULL,
    -- JSON: severity, informational, ranges, versions.
    rules    TEXT NOT NULL,
    PRIMARY KEY (package, advisory, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX affected_advisory ON affected (advisory);
