//! The GitGuardian dialect: what `ggshield` and other clients of GitGuardian's public API speak.
//!
//! Every path is served under `/v1`, and under `/exposed/v1`, which clients use for servers that are not the vendor's
//! (reference §1.1).

mod headers;
mod health;
mod member;
mod page;
mod shape;
mod token;

pub(crate) use headers::add as add_headers;

use crate::app::App;
use crate::routes::{Access, Routes};
use scanledger_domain::identity::Action;
use std::mem::take;
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

/// Every route of the dialect with what it takes to use it.
pub fn routes() -> Routes {
    use Access::Needs;
    use Action::{ManageKeys, OwnKey, ReadKeys, ReadMembers, WriteMembers};
    let routes: [(Access, UtoipaMethodRouter<App>); 11] = [
        (Needs(OwnKey), routes!(health::health)),
        (Needs(OwnKey), routes!(token::read_own_token)),
        (Needs(OwnKey), routes!(token::revoke_own_token)),
        (Needs(ReadKeys), routes!(token::list_tokens)),
        (Needs(ReadKeys), routes!(token::read_token)),
        (Needs(ManageKeys), routes!(token::revoke_token)),
        (Needs(ReadMembers), routes!(member::list_members)),
        (Needs(ReadMembers), routes!(member::read_member)),
        (Needs(WriteMembers), routes!(member::patch_member)),
        (Needs(WriteMembers), routes!(member::put_member)),
        (Needs(WriteMembers), routes!(member::remove_member)),
    ];
    routes.into_iter().fold(Routes::default(), |routes, (access, methods)| {
        let exposed = exposed(methods.clone());
        routes.add(access, methods).add(access, exposed)
    })
}

/// The same under `/exposed`.
fn exposed((schemas, mut paths, methods): UtoipaMethodRouter<App>) -> UtoipaMethodRouter<App> {
    let moved = take(&mut paths.paths).into_iter().map(|(path, item)| (format!("/exposed{path}"), item));
    paths.paths = moved.collect();
    (schemas, paths, methods)
}

#[cfg(test)]
mod tests {
    use super::routes;
    use crate::routes::Rule;
    use std::collections::BTreeSet;

    #[test]
    fn both_prefixes_serve_the_same() {
        let (_, _, rules) = routes().into_parts();
        let under = |prefix: &str| -> BTreeSet<(String, &str)> {
            let of = |rule: &Rule| Some((rule.path.strip_prefix(prefix)?.to_owned(), rule.method));
            rules.iter().filter_map(of).collect()
        };
        let direct = under("/v1/");
        assert_eq!(direct, under("/exposed/v1/"));
        assert_eq!(direct.len() * 2, rules.len());
    }
}
