-- The read models of one node. Disposable: built from the log alone, by one writer.
-- Times are microseconds since 1970 UTC; positions are places in the log.
-- A row with valid_from and valid_to holds for positions in [valid_from, valid_to);
-- 9223372036854775807 stands for "until further notice" and is what partial indexes look for.

CREATE TABLE checkpoint (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    log         BLOB NOT NULL,
    position    INTEGER NOT NULL,
    event       BLOB,
    recorded_at INTEGER NOT NULL
) STRICT;

CREATE TABLE parked (
    position INTEGER PRIMARY KEY,
    stream   TEXT NOT NULL,
    kind     TEXT NOT NULL,
    reason   TEXT NOT NULL
) STRICT;
CREATE INDEX parked_stream ON parked (stream);

-- Which organization may read which event; organization 0 stands for none.
CREATE TABLE event_kind (
    key  INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE event_index (
    organization INTEGER NOT NULL,
    position     INTEGER NOT NULL,
    kind         INTEGER NOT NULL,
    project      INTEGER,
    recorded_at  INTEGER NOT NULL,
    PRIMARY KEY (organization, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE organization (
    key        INTEGER PRIMARY KEY,
    id         BLOB NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- The position of organization.created; null while only other events have named it.
    created    INTEGER UNIQUE
) STRICT;

-- Personal fields stay sealed here, as in the log; they are opened when they are read.
CREATE TABLE user (
    key           INTEGER PRIMARY KEY,
    id            BLOB NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    email         TEXT NOT NULL,
    registered    INTEGER NOT NULL UNIQUE,
    registered_at INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    is_active     INTEGER NOT NULL,
    rank          TEXT NOT NULL,
    -- How often all sessions were ended; those of an earlier epoch are over.
    epoch         INTEGER NOT NULL,
    has_password  INTEGER NOT NULL,
    last_login_at INTEGER,
    -- JSON; null until somebody says where they want to be told.
    channels      TEXT,
    -- The position at which the person was erased.
    erased        INTEGER
) STRICT;

-- Who vouches for people.
CREATE TABLE identity (
    key       INTEGER PRIMARY KEY,
    id        BLOB NOT NULL UNIQUE,
    user      BLOB NOT NULL,
    provider  TEXT NOT NULL,
    subject   TEXT NOT NULL,
    email     TEXT,
    linked_at INTEGER NOT NULL
) STRICT;
CREATE INDEX identity_user ON identity (user, key);

CREATE TABLE session (
    id         BLOB PRIMARY KEY,
    user       BLOB NOT NULL,
    kind       TEXT NOT NULL,
    epoch      INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    -- When the token ends that it can be continued with. Of cookies, which are renewed without an event, the first one.
    token_expires_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    -- Why it ended; null while it has not.
    ended      TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX session_user ON session (user) WHERE ended IS NULL;

CREATE TABLE member (
    organization INTEGER NOT NULL,
    user         BLOB NOT NULL,
    role         TEXT NOT NULL,
    -- Since when they have belonged to it without a break, whatever their role: position and time.
    since        INTEGER NOT NULL,
    since_at     INTEGER NOT NULL,
    valid_from   INTEGER NOT NULL,
    valid_to     INTEGER NOT NULL
) STRICT;
CREATE INDEX member_live ON member (organization, user) WHERE valid_to = 9223372036854775807;
CREATE INDEX member_user ON member (user) WHERE valid_to = 9223372036854775807;

CREATE TABLE invitation (
    key          INTEGER PRIMARY KEY,
    id           BLOB NOT NULL UNIQUE,
    organization INTEGER NOT NULL,
    email        TEXT NOT NULL,
    role         TEXT NOT NULL,
    team         BLOB,
    team_role    TEXT,
    invited      INTEGER NOT NULL UNIQUE,
    invited_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('open', 'accepted', 'revoked')),
    accepted_by  BLOB
) STRICT;
CREATE INDEX invitation_open ON invitation (organization, key) WHERE state = 'open';

CREATE TABLE team (
    key          INTEGER PRIMARY KEY,
    id           BLOB NOT NULL UNIQUE,
    organization INTEGER NOT NULL,
    name         TEXT NOT NULL,
    slug         TEXT,
    description  TEXT,
    created      INTEGER NOT NULL UNIQUE,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    deleted      INTEGER
) STRICT;
CREATE INDEX team_organization ON team (organization, key) WHERE deleted IS NULL;

CREATE TABLE team_member (
    team       BLOB NOT NULL,
    user       BLOB NOT NULL,
    role       TEXT NOT NULL,
    -- As in member.
    since      INTEGER NOT NULL,
    since_at   INTEGER NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_to   INTEGER NOT NULL
) STRICT;
CREATE INDEX team_member_live ON team_member (team, user) WHERE valid_to = 9223372036854775807;
CREATE INDEX team_member_user ON team_member (user, role) WHERE valid_to = 9223372036854775807;

CREATE TABLE api_key (
    key          INTEGER PRIMARY KEY,
    id           BLOB NOT NULL UNIQUE,
    organization INTEGER NOT NULL,
    name         TEXT NOT NULL,
    form         TEXT NOT NULL,
    prefix       TEXT NOT NULL,
    hash         TEXT NOT NULL UNIQUE,
    kind         TEXT NOT NULL,
    role         TEXT NOT NULL,
    scopes       TEXT NOT NULL,
    breadth      TEXT NOT NULL,
    team         BLOB,
    project      BLOB,
    created_by   BLOB,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked      INTEGER,
    revoked_at   INTEGER
) STRICT;
CREATE INDEX api_key_organization ON api_key (organization, key);
CREATE INDEX api_key_person ON api_key (created_by, form) WHERE revoked IS NULL;

CREATE TABLE project (
    key          INTEGER PRIMARY KEY,
    id           BLOB NOT NULL UNIQUE,
    organization INTEGER NOT NULL,
    team         BLOB,
    created      INTEGER NOT NULL UNIQUE,
    created_at   INTEGER NOT NULL,
    deleted      INTEGER
) STRICT;
CREATE INDEX project_organization ON project (organization, key) WHERE deleted IS NULL;
CREATE INDEX project_team ON project (team) WHERE deleted IS NULL AND team IS NOT NULL;
CREATE INDEX project_deleted ON project (deleted) WHERE deleted IS NOT NULL;

CREATE TABLE project_detail (
    project         INTEGER NOT NULL,
    name            TEXT NOT NULL,
    description     TEXT,
    repo_url        TEXT,
    default_branch  TEXT NOT NULL,
    dast_target_url TEXT,
    gate            TEXT NOT NULL,
    updated_at      INTEGER NOT NULL,
    valid_from      INTEGER NOT NULL,
    valid_to        INTEGER NOT NULL
) STRICT;
CREATE INDEX project_detail_project ON project_detail (project, valid_from);
CREATE INDEX project_detail_live ON project_detail (project) WHERE valid_to = 9223372036854775807;
CREATE INDEX project_detail_name ON project_detail (name COLLATE NOCASE) WHERE valid_to = 9223372036854775807;
CREATE INDEX project_detail_repo ON project_detail (repo_url) WHERE valid_to = 9223372036854775807 AND repo_url IS NOT NULL;

CREATE TABLE scan (
    key          INTEGER PRIMARY KEY,
    id           BLOB NOT NULL UNIQUE,
    organization INTEGER NOT NULL,
    project      INTEGER NOT NULL,
    branch       TEXT NOT NULL,
    scan_type    TEXT NOT NULL,
    source_kind  TEXT NOT NULL,
    source_blob  TEXT NOT NULL,
    source_name  TEXT NOT NULL,
    source_size  INTEGER NOT NULL,
    commit_id    TEXT,
    base_id      TEXT,
    rescan_of    BLOB,
    by_kind      INTEGER NOT NULL,
    by_id        BLOB,
    queued       INTEGER NOT NULL UNIQUE,
    queued_at    INTEGER NOT NULL,
    -- The client that runs it, as JSON; null for scans that workers run.
    client       TEXT,
    deleted      INTEGER
) STRICT;
CREATE INDEX scan_project ON scan (project, key) WHERE deleted IS NULL;
CREATE INDEX scan_organization ON scan (organization, key) WHERE deleted IS NULL;
CREATE INDEX scan_person ON scan (by_id) WHERE by_kind = 0 AND deleted IS NULL;

CREATE INDEX scan_deleted ON scan (deleted) WHERE deleted IS NOT NULL;

-- Which blobs are named, and by what: a scan; a project, beyond its scans (scan 0); or everybody (project 0).
CREATE TABLE blob_use (
    blob    BLOB NOT NULL,
    project INTEGER NOT NULL,
    scan    INTEGER NOT NULL,
    PRIMARY KEY (blob, project, scan)
) STRICT, WITHOUT ROWID;
CREATE INDEX blob_use_project ON blob_use (project, scan);

-- What scans of changes saw, those that clients run. The others saw what they left on the branch.
CREATE TABLE scan_finding (
    scan    INTEGER NOT NULL,
    finding INTEGER NOT NULL,
    PRIMARY KEY (scan, finding)
) STRICT, WITHOUT ROWID;

CREATE TABLE scan_state (
    scan          INTEGER NOT NULL,
    status        TEXT NOT NULL,
    run           INTEGER NOT NULL,
    attempt       INTEGER NOT NULL,
    alone         INTEGER NOT NULL,
    interruptions INTEGER NOT NULL,
    owes_partial  INTEGER NOT NULL,
    started_at    INTEGER,
    ended_at      INTEGER,
    outcome       TEXT,
    verdict       TEXT,
    failure       TEXT,
    -- What the worker of a scan that failed had logged, as JSON.
    log           TEXT,
    -- Where its findings are anchored: the position of a branch_scan of this run. Null until its results are complete,
    -- and for scans without any.
    anchor        INTEGER,
    changed_at    INTEGER NOT NULL,
    valid_from    INTEGER NOT NULL,
    valid_to      INTEGER NOT NULL
) STRICT;
CREATE INDEX scan_state_scan ON scan_state (scan, valid_from);
CREATE INDEX scan_state_live ON scan_state (scan) WHERE valid_to = 9223372036854775807;
CREATE INDEX scan_state_active ON scan_state (status, scan)
    WHERE valid_to = 9223372036854775807 AND (status IN ('queued', 'running', 'paused', 'settling') OR owes_partial = 1);

CREATE TABLE branch (
    key          INTEGER PRIMARY KEY,
    id           BLOB NOT NULL UNIQUE,
    project      INTEGER NOT NULL,
    organization INTEGER NOT NULL,
    name         TEXT NOT NULL,
    base         TEXT,
    -- Where its stream began; one that was closed and opened again keeps it.
    opened       INTEGER NOT NULL,
    -- Where it was closed; null while it is open. Its rows of presence and component end there like any that go.
    closed       INTEGER,
    -- When results of it were last complete or, without any, when it was opened.
    heard_at     INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    digest       BLOB NOT NULL,
    has_history  INTEGER NOT NULL,
    last_scan    BLOB,
    last_run     INTEGER,
    generation   INTEGER,
    pending      TEXT,
    -- The first change by a run that is not complete yet, or by the end of the branch; null between scans.
    pending_from INTEGER,
    -- The last change of presence or triage that concerns it; what caches are keyed by.
    changed      INTEGER NOT NULL,
    -- What branch.scanned said, should it differ from what is kept here.
    mismatch     TEXT
) STRICT;
CREATE INDEX branch_project ON branch (project, name);
CREATE INDEX branch_heard ON branch (heard_at, id) WHERE closed IS NULL;
CREATE INDEX branch_broken ON branch (key) WHERE mismatch IS NOT NULL;

-- When branches were open, and when they were closed and why: a row from each opening or closing to the next one.
CREATE TABLE branch_life (
    branch     INTEGER NOT NULL,
    opened_at  INTEGER NOT NULL,
    -- Null while it is open.
    closed_at  INTEGER,
    -- As JSON; null while it is open.
    because    TEXT,
    valid_from INTEGER NOT NULL,
    valid_to   INTEGER NOT NULL,
    PRIMARY KEY (branch, valid_from)
) STRICT, WITHOUT ROWID;

-- The ends of what scans recorded on branches: more than one of a scan that was begun anew, or recorded again.
CREATE TABLE branch_scan (
    scan       BLOB NOT NULL,
    position   INTEGER NOT NULL,
    branch     INTEGER NOT NULL,
    run        INTEGER NOT NULL,
    -- The first change it made; null if it changed nothing.
    changed    INTEGER,
    -- A bit for each scanner.
    coverage   INTEGER NOT NULL,
    -- Which part of what these scanners can find a client looked at, as JSON; null for scans that workers ran.
    client     TEXT,
    counts     TEXT NOT NULL,
    generation INTEGER,
    ended_at   INTEGER NOT NULL,
    PRIMARY KEY (scan, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX branch_scan_branch ON branch_scan (branch, position);

CREATE TABLE finding (
    key           INTEGER PRIMARY KEY,
    id            BLOB NOT NULL UNIQUE,
    project       INTEGER NOT NULL,
    scanner       INTEGER NOT NULL,
    fingerprint   BLOB NOT NULL,
    rule          TEXT NOT NULL,
    title         TEXT NOT NULL,
    description   TEXT NOT NULL,
    cwe           TEXT,
    cve           TEXT,
    confidence    REAL NOT NULL,
    ecosystem     TEXT,
    package       TEXT,
    advisories    TEXT,
    informational TEXT,
    secret        TEXT,
    -- The incident of the secret, which may not be open yet.
    incident      BLOB,
    -- What is kept of what a client found and named itself, as JSON.
    upload        TEXT,
    refs          TEXT,
    detected      INTEGER NOT NULL,
    detected_at   INTEGER NOT NULL,
    -- The elder finding that it was merged into last; it shows what people decide about that one.
    merged_into   INTEGER
) STRICT;
CREATE INDEX finding_package ON finding (project, ecosystem, package) WHERE package IS NOT NULL AND upload IS NULL;
CREATE INDEX finding_upload ON finding (project) WHERE upload IS NOT NULL;
CREATE INDEX finding_incident ON finding (incident) WHERE incident IS NOT NULL;
CREATE INDEX finding_merged ON finding (merged_into) WHERE merged_into IS NOT NULL;

CREATE VIRTUAL TABLE finding_text USING fts5 (text, content = '', columnsize = 0, detail = none);

-- A finding on a branch, in one triage state. One that is on no branch any more shows as gone, whether a scan no longer
-- saw it or its branch was closed. Order within a run of equal severity, status and scanner is the
-- order of first sight, so that a page is found by counting runs and never by sorting.
CREATE TABLE presence (
    key        INTEGER PRIMARY KEY,
    branch     INTEGER NOT NULL,
    finding    INTEGER NOT NULL,
    severity   INTEGER NOT NULL,
    status     INTEGER NOT NULL,
    scanner    INTEGER NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_to   INTEGER NOT NULL,
    -- Since when it has been there without a break, whatever its triage.
    since      INTEGER NOT NULL,
    is_new     INTEGER NOT NULL,
    path       TEXT NOT NULL,
    line       INTEGER,
    end_line   INTEGER,
    -- All places as JSON, if there is more to say than path and lines of one.
    places     TEXT,
    fix        TEXT,
    excerpt    TEXT,
    -- Where the match begins and ends on its lines, as JSON.
    columns    TEXT,
    -- Whether a file imports the package, if that is known.
    imported   INTEGER,
    digest     BLOB NOT NULL,
    -- What its advisories said when it was last told on the branch: a short hash of each thing. Null of what no advisory
    -- is about.
    advisory   BLOB
) STRICT;
CREATE INDEX presence_live ON presence (branch, severity, status, scanner, finding, valid_from, valid_to)
    WHERE valid_to = 9223372036854775807;
CREATE INDEX presence_closed ON presence (branch, severity, status, scanner, finding, valid_from, valid_to)
    WHERE valid_to < 9223372036854775807;
CREATE INDEX presence_finding ON presence (finding, branch, valid_from);

-- When findings came onto branches, be it for the first time, again, or because the branch began with them. Only scans
-- write here, and no triage, so that it costs little to have it in the order of lists.
CREATE TABLE arrival (
    organization INTEGER NOT NULL,
    scanner      INTEGER NOT NULL,
    position     INTEGER NOT NULL,
    finding      INTEGER NOT NULL,
    project      INTEGER NOT NULL,
    branch       INTEGER NOT NULL,
    PRIMARY KEY (organization, scanner, position, finding)
) STRICT, WITHOUT ROWID;
CREATE INDEX arrival_project ON arrival (project, scanner, position, finding, branch);

-- How many findings a branch has of each severity, status and scanner: now, and since each position.
CREATE TABLE counter_cell (
    key      INTEGER PRIMARY KEY,
    branch   INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    status   INTEGER NOT NULL,
    scanner  INTEGER NOT NULL,
    value    INTEGER NOT NULL,
    UNIQUE (branch, severity, status, scanner)
) STRICT;
CREATE TABLE counter (
    cell     INTEGER NOT NULL,
    position INTEGER NOT NULL,
    value    INTEGER NOT NULL,
    PRIMARY KEY (cell, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE triage (
    finding    INTEGER NOT NULL,
    status     INTEGER NOT NULL,
    note       TEXT,
    actor_kind INTEGER NOT NULL,
    actor_id   BLOB,
    changed_at INTEGER NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_to   INTEGER NOT NULL
) STRICT;
CREATE INDEX triage_finding ON triage (finding, valid_from);

-- A secret in an organization, wherever it stands; the key is the position of incident.opened.
CREATE TABLE incident (
    key           INTEGER PRIMARY KEY,
    id            BLOB NOT NULL UNIQUE,
    organization  INTEGER NOT NULL,
    secret        TEXT NOT NULL,
    rule          TEXT NOT NULL,
    is_historical INTEGER NOT NULL,
    opened_at     INTEGER NOT NULL
) STRICT;

CREATE TABLE incident_state (
    incident      INTEGER NOT NULL,
    organization  INTEGER NOT NULL,
    status        INTEGER NOT NULL,
    reason        TEXT,
    -- Since which position it has had this status and reason.
    since         INTEGER NOT NULL,
    severity      INTEGER NOT NULL,
    assignee      BLOB,
    is_regression INTEGER NOT NULL,
    is_revoked    INTEGER NOT NULL,
    -- When it was opened or last came back.
    triggered_at  INTEGER NOT NULL,
    -- When it was closed, and by whom; 9223372036854775807 while it is not, so that such rows come last.
    resolved_at   INTEGER NOT NULL,
    ignored_at    INTEGER NOT NULL,
    closer_kind   INTEGER,
    closer_id     BLOB,
    -- The last decision; null until there is one.
    note          TEXT,
    actor_kind    INTEGER,
    actor_id      BLOB,
    decided_at    INTEGER,
    valid_from    INTEGER NOT NULL,
    valid_to      INTEGER NOT NULL
) STRICT;
CREATE INDEX incident_state_all ON incident_state (organization, incident, valid_from);
CREATE INDEX incident_state_live ON incident_state (organization, incident) WHERE valid_to = 9223372036854775807;
CREATE INDEX incident_state_triggered ON incident_state (organization, triggered_at, incident)
    WHERE valid_to = 9223372036854775807;
CREATE INDEX incident_state_resolved ON incident_state (organization, resolved_at, incident)
    WHERE valid_to = 9223372036854775807 AND resolved_at <> 9223372036854775807;
CREATE INDEX incident_state_ignored ON incident_state (organization, ignored_at, incident)
    WHERE valid_to = 9223372036854775807 AND ignored_at <> 9223372036854775807;
CREATE INDEX incident_state_severity ON incident_state (organization, severity, incident)
    WHERE valid_to = 9223372036854775807;

-- Where a secret came to stand: on a branch, where presence says whether it still does, or somewhere else. The key is
-- the position of the event.
CREATE TABLE incident_occurrence (
    key           INTEGER PRIMARY KEY,
    organization  INTEGER NOT NULL,
    -- An id and no key, because the incident is opened after its first finding.
    incident      BLOB NOT NULL,
    project       INTEGER NOT NULL,
    branch        INTEGER,
    finding       INTEGER,
    path          TEXT NOT NULL,
    url           TEXT,
    line          INTEGER,
    end_line      INTEGER,
    is_historical INTEGER NOT NULL,
    is_test       INTEGER NOT NULL,
    is_sensitive  INTEGER NOT NULL,
    seen_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX incident_occurrence_organization ON incident_occurrence (organization, key);
CREATE INDEX incident_occurrence_incident ON incident_occurrence (incident, key);
CREATE INDEX incident_occurrence_project ON incident_occurrence (project, incident);
CREATE INDEX incident_occurrence_finding ON incident_occurrence (finding, branch) WHERE finding IS NOT NULL;

-- The note's number is the position of incident.note_added.
CREATE TABLE incident_note (
    note        INTEGER NOT NULL,
    id          BLOB NOT NULL,
    incident    INTEGER NOT NULL,
    text        TEXT NOT NULL,
    author_kind INTEGER NOT NULL,
    author_id   BLOB,
    written_at  INTEGER NOT NULL,
    edited_at   INTEGER,
    valid_from  INTEGER NOT NULL,
    valid_to    INTEGER NOT NULL
) STRICT;
CREATE INDEX incident_note_all ON incident_note (incident, note, valid_from);
CREATE UNIQUE INDEX incident_note_live ON incident_note (id) WHERE valid_to = 9223372036854775807;

CREATE TABLE incident_share (
    id         BLOB NOT NULL,
    incident   INTEGER NOT NULL,
    token_hash TEXT NOT NULL,
    expires_at INTEGER,
    shared_at  INTEGER NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_to   INTEGER NOT NULL
) STRICT;
CREATE INDEX incident_share_all ON incident_share (incident, valid_from);
CREATE UNIQUE INDEX incident_share_live ON incident_share (token_hash) WHERE valid_to = 9223372036854775807;

-- Credentials that tell who uses them; what is sealed in the log stays sealed here.
CREATE TABLE honeytoken (
    -- The position of honeytoken.created.
    key          INTEGER PRIMARY KEY,
    id           BLOB NOT NULL UNIQUE,
    organization INTEGER NOT NULL,
    name         TEXT NOT NULL,
    description  TEXT,
    -- By what lists are ordered and searched, in lower case.
    name_key     TEXT NOT NULL,
    text         TEXT NOT NULL,
    access_hash  TEXT NOT NULL UNIQUE,
    access_id    TEXT NOT NULL,
    secret_key   TEXT NOT NULL,
    status       TEXT NOT NULL,
    open_events  INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    creator_kind INTEGER NOT NULL,
    creator_id   BLOB,
    -- 9223372036854775807 while it is not, so that such rows come last.
    triggered_at INTEGER NOT NULL,
    revoked_at   INTEGER NOT NULL,
    revoker_kind INTEGER,
    revoker_id   BLOB
) STRICT;
CREATE INDEX honeytoken_organization ON honeytoken (organization, key);

-- By which clients ask whether a secret is one.
CREATE TABLE honeytoken_hash (
    organization INTEGER NOT NULL,
    hash         TEXT NOT NULL,
    PRIMARY KEY (organization, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE honeytoken_event (
    -- The position of honeytoken.triggered.
    key          INTEGER PRIMARY KEY,
    id           BLOB NOT NULL UNIQUE,
    organization INTEGER NOT NULL,
    honeytoken   INTEGER NOT NULL,
    triggered_at INTEGER NOT NULL,
    is_open      INTEGER NOT NULL,
    service      TEXT,
    region       TEXT,
    action       TEXT,
    -- By what lists are searched, in lower case.
    text         TEXT NOT NULL,
    address      TEXT,
    address_hash TEXT,
    user_agent   TEXT
) STRICT;
CREATE INDEX honeytoken_event_organization ON honeytoken_event (organization, key);
CREATE INDEX honeytoken_event_open ON honeytoken_event (honeytoken) WHERE is_open;

CREATE TABLE honeytoken_note (
    -- The position of honeytoken.note_added.
    key         INTEGER PRIMARY KEY,
    id          BLOB NOT NULL UNIQUE,
    honeytoken  INTEGER NOT NULL,
    text        TEXT NOT NULL,
    author_kind INTEGER NOT NULL,
    author_id   BLOB,
    written_at  INTEGER NOT NULL,
    edited_at   INTEGER
) STRICT;
CREATE INDEX honeytoken_note_all ON honeytoken_note (honeytoken, key);

CREATE TABLE component (
    key        INTEGER PRIMARY KEY,
    branch     INTEGER NOT NULL,
    ecosystem  TEXT NOT NULL,
    name       TEXT NOT NULL,
    version    TEXT NOT NULL,
    path       TEXT NOT NULL,
    scope      TEXT NOT NULL,
    direct     INTEGER,
    digest     BLOB NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_to   INTEGER NOT NULL
) STRICT;
CREATE INDEX component_live ON component (branch, ecosystem, name, version, path) WHERE valid_to = 9223372036854775807;
CREATE INDEX component_all ON component (branch, ecosystem, name, version, path, valid_from);

-- Rules that organizations add to those that come with the server, as JSON.
CREATE TABLE policy_rule (
    organization INTEGER NOT NULL,
    product      TEXT NOT NULL,
    rule         TEXT NOT NULL,
    definition   TEXT NOT NULL,
    added        INTEGER NOT NULL,
    added_at     INTEGER NOT NULL,
    valid_from   INTEGER NOT NULL,
    valid_to     INTEGER NOT NULL
) STRICT;
CREATE INDEX policy_rule_live ON policy_rule (organization, product, rule) WHERE valid_to = 9223372036854775807;
CREATE INDEX policy_rule_all ON policy_rule (organization, valid_from);

-- What organizations decide about rules, be they theirs or the server's.
CREATE TABLE policy_mode (
    organization INTEGER NOT NULL,
    product      TEXT NOT NULL,
    rule         TEXT NOT NULL,
    mode         TEXT NOT NULL,
    actor_kind   INTEGER NOT NULL,
    actor_id     BLOB,
    changed_at   INTEGER NOT NULL,
    valid_from   INTEGER NOT NULL,
    valid_to     INTEGER NOT NULL
) STRICT;
CREATE INDEX policy_mode_live ON policy_mode (organization, product, rule) WHERE valid_to = 9223372036854775807;
CREATE INDEX policy_mode_all ON policy_mode (organization, valid_from);

CREATE TABLE advisory_generation (
    generation  INTEGER PRIMARY KEY,
    position    INTEGER NOT NULL,
    imported_at INTEGER NOT NULL,
    changed     INTEGER NOT NULL
) STRICT;

CREATE TABLE audit (
    position     INTEGER PRIMARY KEY,
    organization INTEGER NOT NULL,
    project      INTEGER,
    action       TEXT NOT NULL,
    resource     TEXT NOT NULL,
    resource_id  BLOB NOT NULL,
    actor_kind   INTEGER NOT NULL,
    actor_id     BLOB,
    details      TEXT NOT NULL,
    recorded_at  INTEGER NOT NULL,
    address      TEXT,
    user_agent   TEXT,
    request      TEXT,
    -- The key that it was done with, whether a person used it or it acted by itself.
    api_key      BLOB
) STRICT;
CREATE INDEX audit_organization ON audit (organization, position);
CREATE INDEX audit_action ON audit (organization, action, position);

CREATE VIRTUAL TABLE audit_text USING fts5 (text, content = '', columnsize = 0, detail = none);
