//! The TRUSCA dialect: what an SCA portal's front end and CI gates speak.

mod admin_bulk;
mod admin_teams;
mod admin_user_shape;
mod admin_users;
mod api_key_shape;
mod api_keys;
mod audit;
mod auth;
mod csv;
mod flow;
mod landing;
mod me;
mod oauth;
mod own_password;
mod own_sessions;
mod refusal;
mod reset;
mod shape;
mod visitor;
mod word;

pub use shape::{Page, PageNumber, PageSize, done, page_a};

use crate::routes::{Access, Routes};
use scanledger_domain::identity::Action;
use utoipa_axum::routes;

/// Every route of the dialect with what it takes to use it.
pub fn routes() -> Routes {
    use Access::{Needs, Open};
    use Action::{Administer, OwnAccount, OwnKeys, ReadAudit};
    Routes::default()
        .add(Open, routes!(auth::register))
        .add(Open, routes!(auth::login))
        .add(Open, routes!(auth::refresh))
        .add(Open, routes!(auth::logout))
        .add(Needs(OwnAccount), routes!(auth::me))
        .add(Open, routes!(reset::forgot_password))
        .add(Open, routes!(reset::reset_password))
        .add(Open, routes!(oauth::list_providers))
        .add(Open, routes!(oauth::authorize))
        .add(Open, routes!(oauth::callback))
        .add(Needs(OwnAccount), routes!(me::list_identities))
        .add(Needs(OwnAccount), routes!(me::unlink_identity))
        .add(Needs(OwnAccount), routes!(me::read_prefs))
        .add(Needs(OwnAccount), routes!(me::write_prefs))
        .add(Needs(OwnAccount), routes!(own_password::change_password))
        .add(Needs(OwnAccount), routes!(own_sessions::list_sessions))
        .add(Needs(OwnAccount), routes!(own_sessions::end_session))
        .add(Needs(Administer), routes!(admin_users::list_users))
        .add(Needs(Administer), routes!(admin_users::read_user))
        .add(Needs(Administer), routes!(admin_users::activate_user))
        .add(Needs(Administer), routes!(admin_users::deactivate_user))
        .add(Needs(Administer), routes!(admin_users::reset_password))
        .add(Needs(Administer), routes!(admin_users::set_role))
        .add(Needs(Administer), routes!(admin_bulk::create_user))
        .add(Needs(Administer), routes!(admin_bulk::create_users))
        .add(Needs(Administer), routes!(admin_bulk::deactivate_users))
        .add(Needs(Administer), routes!(admin_bulk::export_users))
        .add(Needs(Administer), routes!(admin_teams::list_teams))
        .add(Needs(Administer), routes!(admin_teams::create_team))
        .add(Needs(Administer), routes!(admin_teams::read_team))
        .add(Needs(Administer), routes!(admin_teams::update_team))
        .add(Needs(Administer), routes!(admin_teams::delete_team))
        .add(Needs(Administer), routes!(admin_teams::add_member))
        .add(Needs(Administer), routes!(admin_teams::remove_member))
        .add(Needs(Administer), routes!(audit::list_all_entries))
        .add(Needs(Administer), routes!(audit::export_entries))
        .add(Needs(ReadAudit), routes!(audit::list_entries))
        .add(Needs(OwnKeys), routes!(api_keys::list_keys))
        .add(Needs(OwnKeys), routes!(api_keys::create_key))
        .add(Needs(OwnKeys), routes!(api_keys::revoke_key))
        .add(Needs(OwnKeys), routes!(api_keys::narrow_key))
}
