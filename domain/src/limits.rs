//! Every limit of the product, in one place. Each is tested at its edge.

use std::time::Duration;

/// Events in one append.
pub const BATCH_EVENTS: usize = 1_000;
/// Bytes of data and metadata in one append.
pub const BATCH_BYTES: usize = 512 * 1024;

/// Bytes of a JSON request body.
pub const JSON_BODY_BYTES: usize = 1024 * 1024;
/// Bytes of a form that is no file.
pub const FORM_BYTES: usize = 16 * 1024;
/// Parts of an upload: one per field of the contract, twice over.
pub const UPLOAD_PARTS: usize = 32;
/// Characters of an idempotency key.
pub const IDEMPOTENCY_KEY_CHARS: usize = 255;
/// Characters of a request id that a client may choose.
pub const REQUEST_ID_CHARS: usize = 128;
/// Bytes of an uploaded source archive (Pepper: 100 MB).
pub const UPLOAD_BYTES: u64 = 100 * 1024 * 1024;
/// How much later than its bytes are stored what they are for is recorded, at most: longer than any request or run takes,
/// and what was deleted is on the disk so much longer. So often it is looked for blobs that nothing ever named.
pub const BLOB_GRACE: Duration = Duration::from_secs(24 * 3_600);
/// Blobs that nothing names and that wait for their grace to pass, at most; those beyond wait for another look.
pub const UNNAMED_BLOBS: usize = 4_096;
/// How long read models stay that were prepared for a version to come, if no server of it starts: longer than an upgrade
/// takes.
pub const PREPARED_VIEWS: Duration = Duration::from_secs(30 * 24 * 3_600);
/// Bytes that an archive may unpack to.
pub const UNPACKED_BYTES: u64 = 1024 * 1024 * 1024;
/// Entries of an archive.
pub const ARCHIVE_ENTRIES: u64 = 200_000;
/// How many times bigger than the archive its content may be, once it exceeds [`RATIO_FREE_BYTES`].
pub const ARCHIVE_RATIO: u64 = 100;
/// Unpacked bytes up to which the ratio is not looked at.
pub const RATIO_FREE_BYTES: u64 = 16 * 1024 * 1024;
/// Folders within folders in an archive.
pub const PATH_DEPTH: usize = 100;
/// Bytes of one path in an archive.
pub const PATH_BYTES: usize = 1_024;
/// Bytes of contents and paths up to which an unpacked source stays in memory; larger ones go into a folder. Each
/// worker holds at most one.
pub const SOURCE_MEMORY_BYTES: u64 = 64 * 1024 * 1024;
/// Files up to which an unpacked source stays in memory.
pub const SOURCE_MEMORY_FILES: usize = 50_000;

/// Bytes of a file that pattern scanners look at (Pepper: 1 MB); longer files are skipped with a warning.
pub const PATTERN_FILE_BYTES: u64 = 1024 * 1024;
/// Bytes of a lockfile.
pub const LOCKFILE_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes of one excerpt of code.
pub const EXCERPT_BYTES: usize = 400;
/// Bytes of a finding's title.
pub const TITLE_BYTES: usize = 300;
/// Bytes of a finding's description.
pub const DESCRIPTION_BYTES: usize = 1_000;
/// Places listed for one finding; further ones are counted, not kept.
pub const PLACES: usize = 50;

/// Characters of a name (project, key, team, organization).
pub const NAME_CHARS: usize = 100;
/// Characters of the name of a team or a person where a dialect allows more than [`NAME_CHARS`] (TRUSCA: 255).
pub const LONG_NAME_CHARS: usize = 255;
/// Characters of a team's slug (TRUSCA: 64).
pub const SLUG_CHARS: usize = 64;
/// Characters of a team's description (TRUSCA: 1024).
pub const TEAM_DESCRIPTION_CHARS: usize = 1_024;
/// Characters of a password that somebody chooses: NIST SP 800-63B §5.1.1.2 asks for at least 8, and OWASP ASVS 4.0.3
/// §2.1.2 allows no more than 128. TRUSCA's 256 are still taken where somebody signs in ([`SIGN_IN_PASSWORD_CHARS`]).
pub const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=128;
/// Characters of a password that somebody signs in with; the end bounds the hashing (TRUSCA reference §3.1).
pub const SIGN_IN_PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 1..=256;
/// Days until a key ends, at most (TRUSCA: five years).
pub const KEY_DAYS: u32 = 1_825;
/// Live personal keys of one person in the GitGuardian form (GitGuardian reference §1.2).
pub const PERSONAL_TOKENS: usize = 5;
/// Invitations of an organization that are open at a time.
pub const OPEN_INVITATIONS: usize = 1_000;
/// Characters of a description.
pub const DESCRIPTION_CHARS: usize = 2_000;
/// Characters of a note on a triage decision.
pub const NOTE_CHARS: usize = 4_000;
/// Notes on an incident at a time.
pub const INCIDENT_NOTES: usize = 500;
/// Places of one secret that are on no branch, further ones are left out; those on branches are bounded by the scans that find them.
pub const INCIDENT_SIGHTINGS: usize = 1_000;
/// Honeytokens of an organization that are not revoked, as the read model counts them: about so many where several are
/// made at once.
pub const HONEYTOKENS: u64 = 1_000;
/// Notes on a honeytoken at a time.
pub const HONEYTOKEN_NOTES: usize = 500;
/// Uses of a honeytoken that are recorded within a minute; further ones are left out.
pub const HONEYTOKEN_TRIGGERS_A_MINUTE: usize = 10;
/// Uses of a honeytoken that are recorded until somebody resets it; further ones are left out.
pub const HONEYTOKEN_TRIGGERS: usize = 500;
/// Characters of each text that a use of a honeytoken leaves; longer ones are cut.
pub const HONEYTOKEN_USAGE_CHARS: usize = 100;
/// Prefixes in one request to look honeytokens up (GitGuardian reference §11).
pub const HONEYTOKEN_PREFIXES: usize = 500;
/// Bytes of a request with a honeytoken that are looked at.
pub const DECOY_BYTES: usize = 16 * 1024;
/// How long the beginning of such a body is waited for.
pub const DECOY_TIME: Duration = Duration::from_secs(5);
/// Days until a link to an incident ends, at most.
pub const SHARE_DAYS: i64 = 365;
/// Characters of a branch name or commit id.
pub const REF_CHARS: usize = 255;
/// Characters of a URL.
pub const URL_CHARS: usize = 2_000;
/// Findings in one bulk triage.
pub const BULK_FINDINGS: usize = 500;
/// Merged findings that a decision follows, from each to the elder that it was merged into. A scan that merges an elder
/// merges what was merged into it as well, so that there is one step but for the moments in between.
pub const MERGED_IN_A_ROW: usize = 16;
/// Findings that one request decides about by what they have in common (Semgrep reference §6).
pub const TRIAGED_FINDINGS: u32 = 3_000;
/// Characters of the note on such a decision (Semgrep reference §6).
pub const TRIAGE_NOTE_CHARS: usize = 3_000;

/// Rows on a page of findings.
pub const PAGE_ROWS: u32 = 500;
/// Rows on a page of audit entries.
pub const AUDIT_PAGE_ROWS: u32 = 200;
/// Events in one answer of the event feed.
pub const EVENT_PAGE_ROWS: u32 = 1_000;
/// Bytes after which an answer of the event feed ends early; at least one event is in it.
pub const EVENT_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// Rows on a page for administrators (TRUSCA reference §1.1).
pub const ADMIN_PAGE_ROWS: u32 = 200;
/// Rows on a page of a list with cursors (GitGuardian reference §1.1).
pub const CURSOR_PAGE_ROWS: u32 = 100;
/// Rows up to which the pages of a list with cursors can be asked for by number.
pub const COUNTED_ROWS: usize = 10_000;
/// Occurrences that are shown with an incident (GitGuardian reference §4).
pub const SHOWN_OCCURRENCES: u32 = 100;
/// Files that the perimeter of an incident lists, those that came first; further ones are left out.
pub const PERIMETER_FILES: u32 = 5_000;
/// Findings on a page of all projects (Semgrep reference §5).
pub const FINDING_PAGE_ROWS: u32 = 3_000;
/// Projects on a page (Semgrep reference §3).
pub const PROJECT_PAGE_ROWS: u32 = 500;
/// Scans on a page of all projects (Semgrep reference §4).
pub const SCAN_PAGE_ROWS: u32 = 500;
/// Secrets on a page of all projects (Semgrep reference §8).
pub const SECRET_PAGE_ROWS: u32 = 1_000;
/// Components on a page of all projects (Semgrep reference §9).
pub const COMPONENT_PAGE_ROWS: u32 = 10_000;
/// Projects or lockfiles on a page of what components they have (Semgrep reference §9).
pub const SUMMARY_PAGE_ROWS: u32 = 100;
/// Rules on a page of a policy (Semgrep reference §7).
pub const RULE_PAGE_ROWS: u32 = 2_000;
/// People in a file of all of them (TRUSCA reference §3.3).
pub const PEOPLE_EXPORT_ROWS: usize = 50_000;
/// Entries in a file of the audit log (TRUSCA reference §3.3).
pub const AUDIT_EXPORT_ROWS: u64 = 100_000;
/// People that one request makes or deactivates. Hashing a password takes tens of milliseconds, so that a thousand would
/// not be done in time.
pub const BULK_PEOPLE: usize = 200;
/// Characters of a search.
pub const SEARCH_CHARS: usize = 200;
/// Characters of a search where a dialect allows more than [`SEARCH_CHARS`] (TRUSCA: 255).
pub const LONG_SEARCH_CHARS: usize = 255;
/// Characters of the name of an action that the audit log is narrowed to (TRUSCA: 64).
pub const ACTION_CHARS: usize = 64;
/// Packages that one search for components names (Semgrep reference §9).
pub const PACKAGE_FILTERS: usize = 100;
/// How long an event may wait to be taken into the read model, and how long ago the log may have been heard from last,
/// before a node tells nobody who they are: a key that was revoked or a session that was ended opens nothing after that.
pub const AUTHENTICATION_LAG: Duration = Duration::from_secs(10);
/// For how long a log is not believed that has less than was read of it before: a standby that stands in for its server
/// may only be behind.
pub const LOST_AFTER: Duration = Duration::from_secs(3);
/// Depth of a GraphQL query.
pub const GRAPHQL_DEPTH: usize = 15;
/// Complexity of a GraphQL query: one per field, multiplied by the page size of connections.
pub const GRAPHQL_COMPLEXITY: usize = 20_000;
/// Operations that are under way on one GraphQL socket at a time, subscriptions above all.
pub const GRAPHQL_SOCKET_OPERATIONS: usize = 32;
/// GraphQL sockets that are open with one key or session at a time, on one node.
pub const GRAPHQL_SOCKETS: usize = 32;

/// Interruptions while it ran alone after which a scan fails.
pub const SCAN_INTERRUPTIONS: u32 = 3;
/// Seconds that a scan waits, the first time, before it is run again because a store was out of reach; each further attempt
/// waits twice as long.
pub const SCAN_OUTAGE_SECONDS: u64 = 5;
/// Seconds that it waits at most.
pub const SCAN_OUTAGE_SECONDS_MOST: u64 = 300;
/// Lines of the log of a scan; of further ones, only how many there are is told.
pub const SCAN_LOG_LINES: u64 = 10_000;

/// Documents in one request to search for secrets (GitGuardian reference §5).
pub const DOCUMENTS: usize = 20;
/// Bytes of one document in such a request.
pub const DOCUMENT_BYTES: usize = 1024 * 1024;
/// Bytes of the body of such a request.
pub const DOCUMENTS_BODY_BYTES: usize = 26_214_400;
/// Characters of the name of a document.
pub const DOCUMENT_NAME_CHARS: usize = 256;
/// Bodies of such requests that are in memory at a time, in bytes; further requests wait.
pub const DOCUMENTS_MEMORY_BYTES: usize = 8 * DOCUMENTS_BODY_BYTES;
/// How much of that one organization has at a time at most, in bytes.
pub const DOCUMENTS_SHARE_BYTES: usize = DOCUMENTS_MEMORY_BYTES / 4;
/// Seconds in which such a body has to arrive, once there is memory for it.
pub const DOCUMENTS_READ_SECONDS: u64 = 60;
/// Days over which requests to search documents are counted, today among them (GitGuardian reference §1.4).
pub const DOCUMENT_CALLS_DAYS: u16 = 30;
/// Requests to search documents of an organization in these days, unless the operator says otherwise.
pub const DOCUMENT_CALLS: u64 = 1_000_000;

/// Annotations of one check run; further ones are left out. The host takes 50 in a request.
pub const CHECK_ANNOTATIONS: usize = 1_000;
/// Buttons of one check run that the host shows.
pub const CHECK_ACTIONS: usize = 3;
/// Characters on a button of a check run.
pub const CHECK_LABEL_CHARS: usize = 20;
/// Characters of what a button of a check run says it does.
pub const CHECK_DESCRIPTION_CHARS: usize = 40;
/// Characters of what comes back when a button of a check run is pressed.
pub const CHECK_IDENTIFIER_CHARS: usize = 20;
/// Characters of a summary or text of a check run, and of a pull request's body, as the host takes them; longer ones
/// are cut.
pub const HOST_TEXT_CHARS: usize = 65_535;
/// Files of a pull request that are looked at; the host lists no more.
pub const PULL_REQUEST_FILES: usize = 3_000;
/// Files in one commit that is made at the host.
pub const COMMIT_FILES: usize = 100;
/// Bytes of all files in one commit that is made at the host.
pub const COMMIT_BYTES: usize = 10 * 1024 * 1024;

/// Bytes of what a client uploads about one scan that it ran: 10,000 findings have about 30 MB.
pub const RESULTS_BYTES: usize = 32 * 1024 * 1024;
/// Such uploads that are in memory at a time, in bytes, half of it of one organization; further ones wait.
pub const RESULTS_MEMORY_BYTES: usize = 4 * RESULTS_BYTES;
/// Findings in one upload of a client, ignored ones too.
pub const RESULTS_FINDINGS: usize = 10_000;
/// Paths and rules in each list of one upload of a client.
pub const RESULTS_LIST: usize = 500_000;
/// Characters of a text that a client says about its scan.
pub const CLIENT_TEXT_CHARS: usize = 255;
/// Findings that were left out of an upload and are named; of further ones, only how many there are is told.
pub const LEFT_OUT_FINDINGS: usize = 100;
/// Characters of a client's name of a finding: 128 hex digits, `_` and a number.
pub const CLIENT_NAME_CHARS: usize = 160;
/// Addresses of further reading that are kept of a finding.
pub const REFERENCES: usize = 5;
/// After how many seconds without a word a client is shown as silent (Semgrep reference §4, `NEVER_FINISHED`). It may
/// still come back: large sources take longer than that, and clients say nothing while they look.
pub const CLIENT_QUIET_SECONDS: i64 = 3_600;
/// After how many seconds without a word a client's scan fails for good.
pub const CLIENT_SILENCE_SECONDS: i64 = 24 * 3_600;
/// Days without a scan after which a branch is closed, unless it is its project's default branch.
pub const SILENT_BRANCH_DAYS: i64 = 30;
/// Silent branches that are looked up at a time.
pub const SILENT_BRANCHES: u32 = 100;
/// Findings that people dismissed and that a client is told of; of more, the ones decided about last.
pub const DISMISSED_FINDINGS: u32 = 50_000;
/// Characters of a rule's id.
pub const RULE_ID_CHARS: usize = 200;
/// Bytes of a rule as JSON.
pub const RULE_BYTES: usize = 64 * 1024;
/// Characters of a rule's message.
pub const RULE_MESSAGE_CHARS: usize = 8_000;
/// Patterns within patterns of a rule.
pub const RULE_DEPTH: usize = 32;
/// Rules that an organization adds to its policy for one product.
pub const POLICY_RULES: usize = 2_000;
/// Bytes of all rules that an organization adds to its policy for one product.
pub const POLICY_BYTES: usize = 8 * 1024 * 1024;
/// Words in each list that a rule says about itself.
pub const RULE_WORDS: usize = 20;

/// Bytes of a source file whose imports are read; what a longer one imports is unknown.
pub const IMPORT_FILE_BYTES: u64 = 1024 * 1024;
/// Source files of a tree whose imports are read.
pub const IMPORT_FILES: usize = 100_000;
/// Bytes of one imported name; a longer one is no package's (npm: 214, Go and PyPI: far shorter in practice).
pub const IMPORT_BYTES: usize = 512;
/// Different names imported in a tree, for each ecosystem.
pub const IMPORTED_NAMES: usize = 100_000;
/// How long one source file may be parsed. Most take milliseconds, but some text takes a parser that goes on after
/// errors time that grows with the square of its length: 1 MiB of backslashes and line ends takes minutes.
pub const IMPORT_FILE_TIME: Duration = Duration::from_secs(2);
/// How long all source files of a tree may be parsed.
pub const IMPORT_TREE_TIME: Duration = Duration::from_secs(300);

/// Bytes of a repository's `.dpendx.yml`; a longer one is not read.
pub const CONFIG_BYTES: usize = 64 * 1024;
/// Values in each list of such a file.
pub const CONFIG_LIST: usize = 200;
/// Warnings about such a file that are told.
pub const CONFIG_WARNINGS: usize = 20;
/// Bytes of a file that is edited to mend what it asks for.
pub const MANIFEST_BYTES: usize = 1024 * 1024;
/// Files that one pull request mends.
pub const FIX_FILES: usize = 20;
/// Lines of a report of a check in full; of further ones, only how many there are is told.
pub const REPORT_LINES: usize = 200;
/// Bytes of a delivery of the code host; those that are acted upon have a tenth of it.
pub const WEBHOOK_BYTES: usize = 2 * 1024 * 1024;
/// Scans that an installation of the app has under way at a time (dpendx reference §1).
pub const INSTALLATION_SCANS: usize = 5;
/// After how long the scan of a check is not waited for any more and no longer counts as under way (dpendx reference
/// §2: 5 minutes).
pub const CHECK_TIME: Duration = Duration::from_secs(300);

/// Bytes of the paths that a check keeps of a pull request. As JSON a byte becomes six at most, so they fit into an
/// append.
pub const CHANGED_BYTES: usize = BATCH_BYTES / 8;
