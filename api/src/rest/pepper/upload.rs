//! Queueing scans (reference §3.1): archives as multipart in both forms that clients use, remote sources as JSON.

use super::project_shape::without_tags;
use super::receive::{Archive, receive};
use super::refusal::scanner_unavailable;
use super::word::{ScanStatus, ScanType};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Opaque};
use crate::problem::Problem;
use crate::rest::Written;
use axum::extract::{FromRequest, Request, State};
use axum::http::{StatusCode, header};
use scanledger_commands::project::{ProjectProblem, UploadTarget};
use scanledger_commands::scan::NewScan;
use scanledger_domain::address::holds_credentials;
use scanledger_domain::blob::BlobHash;
use scanledger_domain::decider::Decider;
use scanledger_domain::id::{ProjectId, ScanId};
use scanledger_domain::identity::Resource;
use scanledger_domain::limits::URL_CHARS;
use scanledger_domain::project::{DEFAULT_BRANCH, ProjectRefusal};
use scanledger_domain::scan::{self, Queued, Scan, ScanCommand, Source, SourceKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A scan that is wanted, with its source elsewhere; fields of a multipart upload have the same names.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScanIn {
    #[serde(default = "full")]
    scan_type: ScanType,
    /// https address of a git repository, without credentials: there is `repoToken`.
    repo_url: Option<String>,
    /// For cloning only; never kept.
    #[expect(dead_code, reason = "part of the contract; used when sources can be cloned")]
    repo_token: Option<String>,
    /// Address of a Subversion repository, without credentials: there are `svnUsername` and `svnPassword`.
    svn_url: Option<String>,
    /// A number, `HEAD` or a date in braces.
    #[schema(value_type = Option<String>)]
    svn_revision: Option<Opaque>,
    #[expect(dead_code, reason = "part of the contract; used when sources can be checked out")]
    svn_username: Option<String>,
    #[expect(dead_code, reason = "part of the contract; used when sources can be checked out")]
    svn_password: Option<String>,
    /// The project; without it, the one of the key, of the repository or of `newProjectName`, or a new one.
    project_id: Option<String>,
    /// The project's default branch if absent.
    branch: Option<String>,
    commit_sha: Option<String>,
    base_sha: Option<String>,
    /// The name of the upload project, which is made if there is none.
    new_project_name: Option<String>,
}

const fn full() -> ScanType {
    ScanType::Full
}

/// A scan that was queued.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueuedOut {
    scan_id: Uuid,
    project_id: Uuid,
    status: ScanStatus,
}

/// An upload as multipart: the archive as `source` with one text part per field, or as `file` with all fields as
/// JSON in `data`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes multipart parts, which are read one by one")]
pub struct ScanUpload {
    /// `.zip`, `.tar`, `.tar.gz` or `.tgz`, at most 100 MiB.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    source: String,
    #[schema(inline)]
    scan_type: Option<ScanType>,
    project_id: Option<String>,
    repo_url: Option<String>,
    svn_url: Option<String>,
    branch: Option<String>,
    commit_sha: Option<String>,
    new_project_name: Option<String>,
}

/// Queues a scan
///
/// Beside an archive, `repoUrl` or `svnUrl` says to which project it belongs. Without one, they answer 503
/// `SOURCE_UNAVAILABLE` on this server, and so does `INCREMENTAL`.
#[utoipa::path(
    post, path = "/api/scans", tag = "Scans",
    request_body(content((ScanUpload = "multipart/form-data"), (ScanIn = "application/json"))),
    responses((status = 201, body = QueuedOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn create_scan(
    State(app): State<App>,
    caller: Caller,
    request: Request,
) -> Result<Written<QueuedOut>, Problem> {
    if is_multipart(&request) {
        let received = receive(&app, request, caller.origin.idempotency_key.is_some()).await?;
        let (wanted, archive) = (received.fields, received.archive);
        let checked = check(&app, &caller, &wanted, archive.is_some()).await?;
        let archive = archive.ok_or_else(not_fetched)?;
        app.scans.require_archive(archive.file.to_path_buf(), &archive.name).await?;
        return queue(&app, &caller, wanted, checked, archive, received.digest).await;
    }
    let Body { value, .. } = Body::<ScanIn>::from_request(request, &app).await?;
    check(&app, &caller, &value, false).await?;
    Err(not_fetched())
}

fn is_multipart(request: &Request) -> bool {
    let value = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("multipart/form-data"))
}

fn no_source() -> Problem {
    Problem::invalid("source", "an archive, repoUrl or svnUrl is needed")
}

/// For a valid source that is somewhere else.
fn not_fetched() -> Problem {
    source_unavailable("sources outside an upload cannot be fetched by this server")
}

fn source_unavailable(error: &str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, error).with_code("SOURCE_UNAVAILABLE")
}

/// Whether what is wanted can be asked for at all; answers the project that is named.
async fn check(
    app: &App,
    caller: &Caller,
    wanted: &ScanIn,
    has_archive: bool,
) -> Result<Option<ProjectId>, Problem> {
    check_source(wanted, has_archive)?;
    rehearse(caller, wanted)?;
    let project = match &wanted.project_id {
        None => None,
        Some(id) => {
            let project = id.parse().map_err(|_| Problem::missing("project"))?;
            caller.may_project(app, project).await?;
            Some(project)
        }
    };
    let scan_type = scan::ScanType::from(wanted.scan_type);
    if scan_type == scan::ScanType::Incremental {
        return Err(source_unavailable(
            "incremental scans need a repository, which this server cannot fetch",
        ));
    }
    if has_archive && !app.scans.is_available(scan_type) {
        return Err(scanner_unavailable(format!("no scanner for {scan_type} scans is available")));
    }
    Ok(project)
}

/// Asks the rules of scans before a project is made or an archive kept for one that they refuse.
fn rehearse(caller: &Caller, wanted: &ScanIn) -> Result<(), Problem> {
    let nobody = Uuid::nil();
    let source = Source { kind: SourceKind::Upload, blob: BlobHash([0; 32]), name: String::new(), size: 0 };
    let queued = Queued {
        scan: ScanId(nobody),
        organization: caller.organization(),
        project: ProjectId(nobody),
        branch: wanted.branch.clone().unwrap_or_else(|| DEFAULT_BRANCH.to_owned()),
        scan_type: wanted.scan_type.into(),
        source,
        commit: wanted.commit_sha.clone(),
        base: wanted.base_sha.clone(),
        by: caller.principal.actor,
        rescan_of: None,
        client: None,
    };
    Scan::decide(&Scan::initial(), ScanCommand::Queue(queued))?;
    Ok(())
}

fn check_source(wanted: &ScanIn, has_archive: bool) -> Result<(), Problem> {
    match (&wanted.repo_url, &wanted.svn_url) {
        (Some(_), Some(_)) => {
            return Err(Problem::invalid("svnUrl", "cannot be given together with repoUrl"));
        }
        (None, None) if !has_archive => return Err(no_source()),
        (Some(url), None) if !is_url(url, &["https"]) => {
            return Err(Problem::invalid("repoUrl", "must be an https URL"));
        }
        (None, Some(url)) if !is_url(url, &["https", "http", "svn", "svn+ssh"]) => {
            return Err(Problem::invalid("svnUrl", "must be an http, https, svn or svn+ssh URL"));
        }
        // As the project would say, but where there is one already nobody asks it.
        (Some(url), None) if holds_credentials(url) => {
            return Err(ProjectRefusal::HoldsCredentials { field: "repoUrl" }.into());
        }
        (None, Some(url)) if holds_credentials(url) => {
            return Err(ProjectRefusal::HoldsCredentials { field: "svnUrl" }.into());
        }
        (Some(_) | None, None) | (None, Some(_)) => (),
    }
    match &wanted.svn_revision {
        Some(Opaque(revision)) if !is_revision(revision) => {
            Err(Problem::invalid("svnRevision", "must be a number, HEAD or a date in braces"))
        }
        Some(_) | None => Ok(()),
    }
}

fn is_url(text: &str, schemes: &[&str]) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        schemes.iter().any(|known| known.eq_ignore_ascii_case(scheme))
            && !host.is_empty()
            && text.chars().count() <= URL_CHARS
            && !text.chars().any(|c| c.is_whitespace() || c.is_control())
    })
}

fn is_revision(text: &str) -> bool {
    let date = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let is_date = date.is_some_and(|date| !date.is_empty() && !date.contains(['{', '}']));
    let is_number = !text.is_empty() && text.len() <= 18 && text.bytes().all(|b| b.is_ascii_digit());
    text == "HEAD" || is_date || is_number
}

async fn queue(
    app: &App,
    caller: &Caller,
    wanted: ScanIn,
    project: Option<ProjectId>,
    archive: Archive,
    digest: [u8; 32],
) -> Result<Written<QueuedOut>, Problem> {
    let context = caller.command(app, digest).await?;
    let address = if wanted.svn_url.is_some() { "svnUrl" } else { "repoUrl" };
    let target = UploadTarget {
        principal: caller.principal.clone(),
        project,
        repo_url: wanted.repo_url.or(wanted.svn_url),
        new_project_name: wanted.new_project_name.map(|name| without_tags(&name)),
        archive_name: archive.name.clone(),
        branch: wanted.branch.clone(),
    };
    let resolved = app.projects.resolve_for_upload(&context, &target).await;
    let resolved = resolved.map_err(|error| error.map_refused(|refused| as_sent(refused, address)))?;
    // Whoever sees a project by its name or repository may still only look at it.
    caller.may(Resource::Project(resolved.scope()))?;
    let source = app.scans.store_source(archive.file.to_path_buf(), &archive.name).await?;
    let new = NewScan {
        organization: caller.organization(),
        project: resolved.project.project,
        branch: wanted.branch,
        scan_type: wanted.scan_type.into(),
        source,
        commit: wanted.commit_sha,
        base: wanted.base_sha,
    };
    let queued = app.scans.queue(&context, new).await?;
    let answer = QueuedOut {
        scan_id: queued.queued.scan.0,
        project_id: queued.queued.project.0,
        status: ScanStatus::Queued,
    };
    Ok(Written::at(app, StatusCode::CREATED, Some(queued.position), answer).await)
}

/// A refusal of the project that would be made, about the field that the client sent; `address` is that of the source.
fn as_sent(problem: ProjectProblem, address: &'static str) -> ProjectProblem {
    let sent = |field: &'static str| match field {
        "name" => "newProjectName",
        "repoUrl" => address,
        "defaultBranch" => "branch",
        other => other,
    };
    match problem {
        ProjectProblem::Project(ProjectRefusal::BadText { field, problem }) => {
            ProjectRefusal::BadText { field: sent(field), problem }.into()
        }
        ProjectProblem::Project(ProjectRefusal::HoldsCredentials { field }) => {
            ProjectRefusal::HoldsCredentials { field: sent(field) }.into()
        }
        ProjectProblem::NameTaken | ProjectProblem::Denied(_) | ProjectProblem::Project(_) => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::{ScanIn, check_source, is_revision, is_url};
    use crate::extract::parse_json;

    fn refused(json: &str, has_archive: bool) -> Option<String> {
        let wanted: ScanIn = parse_json(json.as_bytes()).unwrap();
        check_source(&wanted, has_archive).err().map(|problem| problem.body().details[0].path.clone())
    }

    #[test]
    fn a_scan_has_one_source() {
        assert_eq!(refused("{}", true), None);
        assert_eq!(refused("{}", false).as_deref(), Some("source"));
        assert_eq!(refused(r#"{"repoUrl":"https://example.org/a.git"}"#, false), None);
        assert_eq!(refused(r#"{"repoUrl":"https://example.org/a.git"}"#, true), None);
        assert_eq!(refused(r#"{"svnUrl":"svn://example.org/a","svnRevision":7}"#, false), None);
        let both = r#"{"repoUrl":"https://a.example","svnUrl":"svn://a.example"}"#;
        assert_eq!(refused(both, false).as_deref(), Some("svnUrl"));
        assert_eq!(refused(both, true).as_deref(), Some("svnUrl"));
        let known = r#"{"svnUrl":"svn+ssh://ana@example.org:2222/a@7"}"#;
        assert_eq!(refused(known, true), None);
        for told in
            ["https://ana:secret@example.org/a", "https://secret@example.org/a?b", "https://a?token=b"]
        {
            for field in ["repoUrl", "svnUrl"] {
                let json = serde_json::json!({ field: told }).to_string();
                assert_eq!(refused(&json, true).as_deref(), Some(field), "{told}");
                assert_eq!(refused(&json, false).as_deref(), Some(field), "{told}");
            }
        }
    }

    #[test]
    fn addresses_have_a_known_scheme_and_a_host() {
        for bad in ["http://a.example", "https://", "https:///x", "a.example", "https://a b", "file:///etc"] {
            assert!(!is_url(bad, &["https"]), "{bad}");
        }
        assert!(is_url("HTTPS://a.example/x?y#z", &["https"]));
    }

    #[test]
    fn revisions_are_numbers_head_or_dates() {
        for good in ["0", "42", "HEAD", "{2026-11-21}", "{2026-11-21T10:00Z}"] {
            assert!(is_revision(good), "{good}");
        }
        for bad in ["", "head", "-1", "4x", "{}", "{a", "{{a}}", "r42"] {
            assert!(!is_revision(bad), "{bad}");
        }
    }
}
