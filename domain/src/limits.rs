//! Every limit of the product, in one place. Each is tested at its edge.

/// Events in one append.
pub const BATCH_EVENTS: usize = 1_000;
/// Bytes of data and metadata in one append.
pub const BATCH_BYTES: usize = 512 * 1024;

/// Bytes of a JSON request body.
pub const JSON_BODY_BYTES: usize = 1024 * 1024;
/// Bytes of an uploaded source archive (Pepper: 100 MB).
pub const UPLOAD_BYTES: u64 = 100 * 1024 * 1024;
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
/// Characters of a password: NIST SP 800-63B §5.1.1.2 asks for at least 8; the upper end bounds the hashing.
pub const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=256;
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
/// Characters of a branch name or commit id.
pub const REF_CHARS: usize = 255;
/// Characters of a URL.
pub const URL_CHARS: usize = 2_000;
/// Findings in one bulk triage.
pub const BULK_FINDINGS: usize = 500;

/// Rows on a page of findings.
pub const PAGE_ROWS: u32 = 500;
/// Rows on a page of audit entries.
pub const AUDIT_PAGE_ROWS: u32 = 200;
/// Events in one answer of the event feed.
pub const EVENT_PAGE_ROWS: u32 = 1_000;
/// Characters of a search.
pub const SEARCH_CHARS: usize = 200;
/// Depth of a GraphQL query.
pub const GRAPHQL_DEPTH: usize = 15;
/// Complexity of a GraphQL query: one per field, multiplied by the page size of connections.
pub const GRAPHQL_COMPLEXITY: usize = 20_000;
/// Operations that are under way on one GraphQL socket at a time, subscriptions above all.
pub const GRAPHQL_SOCKET_OPERATIONS: usize = 32;

/// Interruptions while it ran alone after which a scan fails.
pub const SCAN_INTERRUPTIONS: u32 = 3;
