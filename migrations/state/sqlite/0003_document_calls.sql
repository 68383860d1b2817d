-- How often an organization had documents searched for secrets, by days since 1970 (UTC).
CREATE TABLE document_call (
    organization BLOB    NOT NULL CHECK (length(organization) = 16),
    day          INTEGER NOT NULL,
    calls        INTEGER NOT NULL,
    PRIMARY KEY (organization, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX document_call_day ON document_call (day);
