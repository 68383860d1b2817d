//! Refusals about people and teams: the one place that knows which status, title and members each has (reference §4).
//! Dialects without titles show the status and the sentence.

use crate::problem::Problem;
use axum::http::StatusCode;
use scanledger_commands::identity::{MemberRefusal, PersonRefusal, SignInRefusal, TeamProblem};
use scanledger_domain::identity::{InstallationRefusal, OrganizationRefusal, TeamRefusal, UserRefusal};

impl From<SignInRefusal> for Problem {
    fn from(refusal: SignInRefusal) -> Self {
        let title = match refusal {
            SignInRefusal::Invalid => "Invalid Credentials",
            SignInRefusal::Over => "Invalid Refresh Token",
            SignInRefusal::Reused => "Refresh Token Reuse Detected",
        };
        Self::new(StatusCode::UNAUTHORIZED, refusal.to_string()).with_title(title)
    }
}

impl From<PersonRefusal> for Problem {
    fn from(refusal: PersonRefusal) -> Self {
        let error = refusal.to_string();
        match refusal {
            PersonRefusal::BadName => Self::invalid("full_name", error),
            PersonRefusal::BadEmail => Self::invalid("email", error),
            PersonRefusal::WeakPassword(_) => Self::invalid("password", error),
            PersonRefusal::EmailTaken => conflict(error, "Email Already Registered").with_code("EMAIL_TAKEN"),
            // What a request names in its body is unprocessable if it is not there; only paths are not found.
            PersonRefusal::TeamNotFound => unprocessable(error, "Team Not Found"),
            PersonRefusal::User(refusal) => refusal.into(),
            PersonRefusal::Team(refusal) => refusal.into(),
            PersonRefusal::Organization(refusal) => refusal.into(),
            PersonRefusal::Installation(refusal) => refusal.into(),
        }
    }
}

impl From<UserRefusal> for Problem {
    fn from(refusal: UserRefusal) -> Self {
        let error = refusal.to_string();
        match refusal {
            UserRefusal::Exists => Self::new(StatusCode::CONFLICT, error),
            UserRefusal::NotFound => not_found(error, "User Not Found"),
            UserRefusal::Inactive => unprocessable(error, "User Inactive"),
            UserRefusal::WrongPassword => Self::invalid("current_password", error),
            UserRefusal::NoPassword => conflict(error, "No Password"),
            UserRefusal::BadToken => unprocessable(error, "Invalid or Expired Token"),
            UserRefusal::NotLinked => not_found(error, "OAuth Identity Not Found")
                .with_type("urn:trustedoss:problem:oauth_identity_not_found"),
            UserRefusal::LocksOut => conflict(error, "Cannot remove last authentication method")
                .with_type("urn:trustedoss:problem:oauth_unlink_blocks_login"),
        }
    }
}

impl From<TeamRefusal> for Problem {
    fn from(refusal: TeamRefusal) -> Self {
        let error = refusal.to_string();
        match refusal {
            TeamRefusal::Exists => Self::new(StatusCode::CONFLICT, error),
            TeamRefusal::NotFound => not_found(error, "Team Not Found"),
            TeamRefusal::BadName => Self::invalid("name", error),
            TeamRefusal::BadSlug => Self::invalid("slug", error),
            TeamRefusal::BadDescription => Self::invalid("description", error),
            TeamRefusal::LastAdmin => unprocessable(error, "Last Team Admin Protected")
                .with_extension("last_team_admin_protected", true),
            TeamRefusal::NotAMember => not_found(error, "Team Membership Not Found"),
        }
    }
}

impl From<OrganizationRefusal> for Problem {
    fn from(refusal: OrganizationRefusal) -> Self {
        let error = refusal.to_string();
        match refusal {
            OrganizationRefusal::Exists => Self::new(StatusCode::CONFLICT, error),
            OrganizationRefusal::NotFound => Self::missing("organization"),
            OrganizationRefusal::BadName => Self::invalid("name", error),
            OrganizationRefusal::NotAMember => Self::missing("member"),
            OrganizationRefusal::OwnersOnly => {
                Problem::new(StatusCode::FORBIDDEN, error).with_title("Forbidden").with_code("OWNERS_ONLY")
            }
            OrganizationRefusal::PeopleOnly => {
                Problem::new(StatusCode::FORBIDDEN, error).with_title("Forbidden").with_code("KEY_TOO_NARROW")
            }
            OrganizationRefusal::LastOwner => conflict(error, "Last Owner Protected").with_code("LAST_OWNER"),
            OrganizationRefusal::NotInvited => Self::missing("invitation"),
            OrganizationRefusal::TooManyInvitations => {
                conflict(error, "Too Many Invitations").with_code("TOO_MANY_INVITATIONS")
            }
        }
    }
}

impl From<InstallationRefusal> for Problem {
    fn from(refusal: InstallationRefusal) -> Self {
        let error = refusal.to_string();
        match refusal {
            InstallationRefusal::LastSuperAdmin => unprocessable(error, "Last Super Admin Protected")
                .with_extension("last_super_admin_protected", true),
            InstallationRefusal::Oneself => {
                unprocessable(error, "Cannot Modify Self").with_extension("cannot_modify_self", true)
            }
        }
    }
}

impl From<MemberRefusal> for Problem {
    fn from(refusal: MemberRefusal) -> Self {
        let error = refusal.to_string();
        match refusal {
            MemberRefusal::BadEmail => Self::invalid("email", error),
            MemberRefusal::MemberAlready => conflict(error, "Already a Member").with_code("MEMBER_ALREADY"),
            MemberRefusal::TeamNotFound => unprocessable(error, "Team Not Found"),
            MemberRefusal::ShownBefore => {
                conflict(error, "Token Shown Before").with_code("TOKEN_SHOWN_BEFORE")
            }
            MemberRefusal::Person(refusal) => refusal.into(),
            MemberRefusal::Organization(refusal) => refusal.into(),
        }
    }
}

impl From<TeamProblem> for Problem {
    fn from(problem: TeamProblem) -> Self {
        let error = problem.to_string();
        match problem {
            TeamProblem::SlugTaken => conflict(error, "Team Slug Conflict"),
            TeamProblem::UserNotFound => not_found(error, "User Not Found"),
            TeamProblem::HasActiveScans => {
                unprocessable(error, "Team Has Active Scans").with_extension("team_has_active_scans", true)
            }
            TeamProblem::HasProjects { projects } => conflict(error, "Team Has Projects")
                .with_extension("team_has_projects", true)
                .with_extension("project_count", projects),
            TeamProblem::Team(refusal) => refusal.into(),
            TeamProblem::Organization(refusal) => refusal.into(),
        }
    }
}

fn not_found(error: String, title: &'static str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, error).with_title(title)
}

fn conflict(error: String, title: &'static str) -> Problem {
    Problem::new(StatusCode::CONFLICT, error).with_title(title)
}

fn unprocessable(error: String, title: &'static str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error).with_title(title)
}

#[cfg(test)]
mod tests {
    use crate::problem::Problem;
    use scanledger_commands::identity::{SignInRefusal, TeamProblem};
    use scanledger_domain::identity::{InstallationRefusal, TeamRefusal, UserRefusal};
    use serde_json::{Value, json};

    #[track_caller]
    fn check(problem: impl Into<Problem>, status: u16, title: &'static str, members: Value) {
        let parts = problem.into().parts();
        let extensions: serde_json::Map<String, Value> =
            parts.extensions.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let found = (parts.status.as_u16(), parts.title, Value::Object(extensions));
        assert_eq!(found, (status, Some(title), members));
    }

    #[test]
    fn refusals_have_the_titles_and_members_of_the_reference() {
        check(SignInRefusal::Invalid, 401, "Invalid Credentials", json!({}));
        check(SignInRefusal::Over, 401, "Invalid Refresh Token", json!({}));
        check(SignInRefusal::Reused, 401, "Refresh Token Reuse Detected", json!({}));
        check(UserRefusal::BadToken, 422, "Invalid or Expired Token", json!({}));
        check(UserRefusal::LocksOut, 409, "Cannot remove last authentication method", json!({}));
        let last_admin = json!({ "last_team_admin_protected": true });
        check(TeamRefusal::LastAdmin, 422, "Last Team Admin Protected", last_admin);
        let oneself = json!({ "cannot_modify_self": true });
        check(InstallationRefusal::Oneself, 422, "Cannot Modify Self", oneself);
        let projects = json!({ "team_has_projects": true, "project_count": 3 });
        check(TeamProblem::HasProjects { projects: 3 }, 409, "Team Has Projects", projects);
        check(TeamProblem::SlugTaken, 409, "Team Slug Conflict", json!({}));
    }
}
