//! What a client says about people who need not know of it, and for whom each part of it is sealed.

use crate::identity::{Mark, plain_login};
use serde::{Deserialize, Serialize};

/// What a client says about people, and what people wrote. Never in clear in the log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ClientPeople {
    /// The first line of the commit.
    #[serde(rename = "commitTitle", skip_serializing_if = "Option::is_none", default)]
    pub commit_title: Option<String>,
    /// Who wrote the commit.
    #[serde(rename = "authorName", skip_serializing_if = "Option::is_none", default)]
    pub author_name: Option<String>,
    /// Their address.
    #[serde(rename = "authorEmail", skip_serializing_if = "Option::is_none", default)]
    pub author_email: Option<String>,
    /// Their name at the code host.
    #[serde(rename = "authorUsername", skip_serializing_if = "Option::is_none", default)]
    pub author_username: Option<String>,
    /// Their picture.
    #[serde(rename = "authorImageUrl", skip_serializing_if = "Option::is_none", default)]
    pub author_image_url: Option<String>,
    /// The pull request's title.
    #[serde(rename = "pullRequestTitle", skip_serializing_if = "Option::is_none", default)]
    pub pull_request_title: Option<String>,
    /// Who opened the pull request, by name at the code host.
    #[serde(rename = "pullRequestAuthor", skip_serializing_if = "Option::is_none", default)]
    pub pull_request_author: Option<String>,
    /// Their picture.
    #[serde(rename = "pullRequestAuthorImageUrl", skip_serializing_if = "Option::is_none", default)]
    pub pull_request_author_image_url: Option<String>,
}

impl ClientPeople {
    /// Who wrote the commit, and what is said about them; `None` if nothing is by which they are known: a picture alone
    /// is not kept. With an address, the address is it: whoever has an account here has one.
    pub fn author(&self) -> Option<(Mark<'_>, Self)> {
        let email = self.author_email.as_deref().map(Mark::Email);
        let login = || self.author_username.as_deref().or(self.author_name.as_deref()).map(Mark::Login);
        let mark = email.or_else(login)?;
        let said = Self {
            commit_title: self.commit_title.clone(),
            author_name: self.author_name.clone(),
            author_email: self.author_email.clone(),
            author_username: self.author_username.clone(),
            author_image_url: self.author_image_url.clone(),
            ..Self::default()
        };
        Some((mark, said))
    }

    /// Who opened the pull request, and what is said about them. If they wrote the commit too, they are known by the
    /// same.
    pub fn opener(&self) -> Option<(Mark<'_>, Self)> {
        let login = self.pull_request_author.as_deref()?;
        let is_author =
            self.author_username.as_deref().is_some_and(|own| plain_login(own) == plain_login(login));
        let mark = self.author().filter(|_| is_author).map_or(Mark::Login(login), |(mark, _)| mark);
        let said = Self {
            pull_request_title: self.pull_request_title.clone(),
            pull_request_author: self.pull_request_author.clone(),
            pull_request_author_image_url: self.pull_request_author_image_url.clone(),
            ..Self::default()
        };
        Some((mark, said))
    }

    /// What is about nobody who is named; `None` if there is nothing such.
    pub fn unsigned(&self) -> Option<Self> {
        let said = Self {
            commit_title: self.commit_title.clone().filter(|_| self.author().is_none()),
            pull_request_title: self.pull_request_title.clone().filter(|_| self.opener().is_none()),
            ..Self::default()
        };
        (said != Self::default()).then_some(said)
    }

    /// What either says; what both say as `self` does.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            commit_title: self.commit_title.or(other.commit_title),
            author_name: self.author_name.or(other.author_name),
            author_email: self.author_email.or(other.author_email),
            author_username: self.author_username.or(other.author_username),
            author_image_url: self.author_image_url.or(other.author_image_url),
            pull_request_title: self.pull_request_title.or(other.pull_request_title),
            pull_request_author: self.pull_request_author.or(other.pull_request_author),
            pull_request_author_image_url: self
                .pull_request_author_image_url
                .or(other.pull_request_author_image_url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ClientPeople;
    use crate::identity::Mark;

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn everything() -> ClientPeople {
        ClientPeople {
            commit_title: some("Mend it"),
            author_name: some("Ana Lopez"),
            author_email: some("Ana@acme.example"),
            author_username: some("ana-l"),
            author_image_url: some("https://code.example/ana"),
            pull_request_title: some("A change"),
            pull_request_author: some("octo"),
            pull_request_author_image_url: some("https://code.example/octo"),
        }
    }

    fn author_mark(people: &ClientPeople) -> Option<Mark<'_>> {
        people.author().map(|(mark, _)| mark)
    }

    fn opener_mark(people: &ClientPeople) -> Option<Mark<'_>> {
        people.opener().map(|(mark, _)| mark)
    }

    #[test]
    fn what_is_said_is_parted_by_whom_it_is_about_and_nothing_is_lost() {
        let all = everything();
        let (author, opener) = (all.author().unwrap().1, all.opener().unwrap().1);
        let hers = serde_json::to_string(&author).unwrap();
        assert!(!hers.contains("octo") && !hers.contains("A change"), "{hers}");
        let theirs = serde_json::to_string(&opener).unwrap();
        assert!(!theirs.to_lowercase().contains("ana") && !theirs.contains("Mend it"), "{theirs}");
        assert_eq!(all.unsigned(), None);
        assert_eq!(opener.and(author), all);
        assert_eq!(ClientPeople::default().and(all.clone()), all);
    }

    #[test]
    fn an_author_is_known_by_their_address_else_their_login_else_their_name() {
        let known = everything();
        assert_eq!(author_mark(&known), Some(Mark::Email("Ana@acme.example")));
        let known = ClientPeople { author_email: None, ..known };
        assert_eq!(author_mark(&known), Some(Mark::Login("ana-l")));
        let known = ClientPeople { author_username: None, ..known };
        assert_eq!(author_mark(&known), Some(Mark::Login("Ana Lopez")));
        assert_eq!(author_mark(&ClientPeople { author_name: None, ..known }), None);
    }

    #[test]
    fn who_opened_the_pull_request_for_their_own_commit_is_known_by_the_same() {
        assert_eq!(opener_mark(&everything()), Some(Mark::Login("octo")));
        let own = ClientPeople { pull_request_author: some("@Ana-L"), ..everything() };
        assert_eq!(opener_mark(&own), Some(Mark::Email("Ana@acme.example")));
        assert_eq!(opener_mark(&ClientPeople { pull_request_author: None, ..everything() }), None);
    }

    #[test]
    fn titles_of_nobody_are_kept_and_pictures_of_nobody_are_not() {
        let nobodys = ClientPeople {
            author_name: None,
            author_email: None,
            author_username: None,
            pull_request_author: None,
            ..everything()
        };
        assert_eq!((nobodys.author(), nobodys.opener()), (None, None));
        let titles = ClientPeople {
            commit_title: some("Mend it"),
            pull_request_title: some("A change"),
            ..ClientPeople::default()
        };
        assert_eq!(nobodys.unsigned(), Some(titles));
        assert_eq!(ClientPeople::default().unsigned(), None);
    }
}
