-- How often an organization had documents searched for secrets, by days since 1970 (UTC).
CREATE TABLE scanledger_state.document_call (
    organization uuid    NOT NULL,
    day          integer NOT NULL,
    calls        bigint  NOT NULL,
    CONSTRAINT document_call_pkey PRIMARY KEY (organization, day)
);
CREATE INDEX document_call_day ON scanledger_state.document_call (day);
