-- State that is neither history nor projection, shared by the nodes of one installation: backed up, and no part of
-- the log's digests. The schema itself is made before this runs.

-- Microseconds since 1970, UTC. The nodes' clocks differ; this one is the same for all of them.
CREATE FUNCTION scanledger_state.now_us() RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint $$;

-- One row. `generation` changes whenever the keys here are put under another server key, or are replaced from a
-- backup: a node that connected before that must not write keys under the key it still has.
CREATE TABLE scanledger_state.installation (
    one         boolean PRIMARY KEY DEFAULT true CONSTRAINT installation_is_one CHECK (one),
    generation  bigint  NOT NULL,
    -- A known text under the server's key: tells whether a store belongs to a key before anything is done with it.
    key_check   bytea   NOT NULL,
    -- The installation's key for keyed hashes, under the server's key. Made once and never changed: names of
    -- claim streams and identities of secrets in the log depend on it.
    data_key    bytea   NOT NULL,
    -- The seed of the key that signs checkpoints of the log, under the server's key. Made once and never changed.
    signing_key bytea   NOT NULL,
    -- How many erasures there were. Whoever erases holds this row until the commit, so that the count never grows
    -- past an erasure that cannot be seen yet.
    erasures    bigint  NOT NULL DEFAULT 0
);

-- One key per person or caller, under the server's key. Deleting the row erases the person.
CREATE TABLE scanledger_state.subject_key (
    subject uuid  PRIMARY KEY,
    wrapped bytea NOT NULL
);

-- Who was erased, in the order of `seq`; no key is made for them again.
CREATE TABLE scanledger_state.erased_subject (
    subject uuid   PRIMARY KEY,
    seq     bigint NOT NULL CONSTRAINT erased_subject_seq UNIQUE
);

-- Who works on what, and until when.
CREATE TABLE scanledger_state.lease (
    name    text    PRIMARY KEY,
    owner   text    NOT NULL,
    attempt integer NOT NULL,
    until   bigint  NOT NULL
);
CREATE INDEX lease_until ON scanledger_state.lease (until);

-- When an API key was last used; may lag behind by a minute.
CREATE TABLE scanledger_state.key_use (
    api_key      uuid   PRIMARY KEY,
    last_used_at bigint NOT NULL
);

-- How far a reactor or publisher has come.
CREATE TABLE scanledger_state.checkpoint (
    name  text  PRIMARY KEY,
    value bytea NOT NULL
);

-- Which body came first with a command id that a client chose, and when.
CREATE TABLE scanledger_state.request (
    command uuid   PRIMARY KEY,
    body    bytea  NOT NULL CONSTRAINT request_body_is_a_hash CHECK (octet_length(body) = 32),
    seen_at bigint NOT NULL
);
CREATE INDEX request_seen_at ON scanledger_state.request (seen_at);
