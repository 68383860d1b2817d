//! Documents, tickets, boards and designs.

use super::{Detector, named, specific, token};
use scanledger_domain::secret::SecretFamily::{ApiKey, Other, Token};
use scanledger_domain::secret::{DetectorFacts, SecretCategory, SecretFamily};
use scanledger_domain::severity::Severity::{High, Medium};

const fn collaboration(
    id: &'static str,
    title: &'static str,
    provider: &'static str,
    family: SecretFamily,
) -> DetectorFacts {
    specific(id, title, provider, family, SecretCategory::CollaborationTool)
}

pub(super) const LIST: &[Detector] = &[
    Detector::token(
        collaboration("ATLASSIAN_TOKEN", "Atlassian API token", "Atlassian", Token),
        High,
        "acts as its owner in Jira, Confluence and Bitbucket",
        &["ATATT3"],
        token!("ATATT3", "[A-Za-z0-9_=-]{100,300}"),
    ),
    Detector::token(
        collaboration("TRELLO_TOKEN", "Trello token", "Trello", Token),
        Medium,
        "reads and changes boards in Trello",
        &["ATTA"],
        token!("ATTA", "[0-9A-Fa-f]{72}"),
    ),
    Detector::token(
        collaboration("POSTMAN_API_KEY", "Postman API key", "Postman", ApiKey),
        Medium,
        "reads collections and the credentials in them",
        &["PMAK-"],
        token!("PMAK-", "[0-9a-f]{24}-[0-9a-f]{34}"),
    ),
    Detector::token(
        collaboration("LINEAR_API_KEY", "Linear API key", "Linear", ApiKey),
        Medium,
        "reads and changes issues in Linear",
        &["lin_api_"],
        token!("lin_api_", "[A-Za-z0-9]{40}"),
    ),
    Detector::token(
        collaboration("NOTION_TOKEN", "Notion token", "Notion", Token),
        Medium,
        "reads and changes pages in Notion",
        &["ntn_"],
        token!("ntn_", "[0-9]{11}[A-Za-z0-9]{35}"),
    ),
    Detector::token(
        collaboration("FIGMA_TOKEN", "Figma token", "Figma", Token),
        Medium,
        "reads designs as its owner",
        &["figd_"],
        token!("figd_", "[A-Za-z0-9_-]{40}"),
    ),
    Detector::token(
        collaboration("AIRTABLE_TOKEN", "Airtable personal access token", "Airtable", Token),
        High,
        "reads and changes bases in Airtable",
        &["pat"],
        token!("pat", r"[A-Za-z0-9]{14}\.[0-9a-f]{64}"),
    ),
    Detector::token(
        collaboration("CLICKUP_TOKEN", "ClickUp token", "ClickUp", Token),
        Medium,
        "reads and changes tasks in ClickUp",
        &["pk_"],
        token!("pk_", "[0-9]{6,9}_[A-Z0-9]{32}"),
    ),
    Detector::token(
        collaboration("CONTENTFUL_TOKEN", "Contentful management token", "Contentful", Token),
        High,
        "changes a site's content",
        &["CFPAT-"],
        token!("CFPAT-", "[A-Za-z0-9_-]{43}"),
    ),
    Detector::token(
        collaboration("DROPBOX_TOKEN", "Dropbox access token", "Dropbox", Token),
        Medium,
        "reads and changes files in Dropbox until it expires",
        &["sl."],
        token!(r"sl\.(?:[a-zA-Z]\.)?", "[A-Za-z0-9_-]{130,1600}"),
    )
    .entropy(4.0),
    Detector::token(
        collaboration("TYPEFORM_TOKEN", "Typeform token", "Typeform", Token),
        Medium,
        "reads forms and what people answered",
        &["tfp_"],
        token!("tfp_", "[A-Za-z0-9_-]{40,60}(?:_[A-Za-z0-9]{8,16})?"),
    )
    .entropy(3.5),
    Detector::token(
        collaboration("README_API_KEY", "ReadMe API key", "ReadMe", ApiKey),
        Medium,
        "changes a project's documentation",
        &["rdme_"],
        token!("rdme_", "[0-9a-z]{70}"),
    ),
    Detector::token(
        collaboration("FRAMEIO_TOKEN", "Frame.io token", "Frame.io", Token),
        Medium,
        "reads and changes videos in Frame.io",
        &["fio-u-"],
        token!("fio-u-", "[A-Za-z0-9_=-]{64}"),
    ),
    Detector::on_line(
        collaboration("ZAPIER_WEBHOOK", "Zapier webhook", "Zapier", Other),
        Medium,
        "starts an automation in Zapier",
        &["hooks.zapier.com/hooks/catch/"],
        r"(?P<secret>https://hooks\.zapier\.com/hooks/catch/[0-9]{5,10}/(?P<body>[a-z0-9]{6,12}))(?:[^a-z0-9]|$)",
    )
    .entropy(2.0)
    .confidence(0.85),
    Detector::named(
        collaboration("ASANA_TOKEN", "Asana personal access token", "Asana", Token),
        High,
        "reads and changes tasks in Asana",
        &["asana"],
        named!("asana", "[12]/[0-9]{13,16}(?:/[0-9]{13,16})?:[0-9a-f]{32}"),
    ),
    Detector::named(
        collaboration("GHOST_ADMIN_KEY", "Ghost admin API key", "Ghost", ApiKey),
        High,
        "changes everything on a Ghost site",
        &["ghost"],
        named!("ghost", "[0-9a-f]{24}:[0-9a-f]{64}"),
    ),
];
