//! People, who vouches for them, and their sessions.

use crate::identity::word::word;
use crate::projector::{ApplyError, Decoded};
use crate::store::column::to_json;
use rusqlite::{Connection, params};
use scanledger_domain::id::UserId;
use scanledger_domain::identity::{
    Rank, SessionEvent, SessionStarted, UserEvent, UserIdentityLinked, UserRegistered,
};

pub(super) fn apply(tx: &Connection, decoded: &Decoded, event: &UserEvent) -> Result<(), ApplyError> {
    match event {
        UserEvent::Registered(registered) => register(tx, decoded, registered)?,
        UserEvent::Erased(erased) => erase(tx, decoded, erased.user)?,
        UserEvent::Deactivated(e) => change(tx, decoded, e.user, "is_active = 0, epoch = epoch + 1")?,
        UserEvent::Activated(e) => change(tx, decoded, e.user, "is_active = 1")?,
        UserEvent::RankChanged(e) => match e.rank {
            Rank::Ordinary => change(tx, decoded, e.user, "rank = 'ordinary'")?,
            Rank::SuperAdmin => change(tx, decoded, e.user, "rank = 'super_admin'")?,
        },
        UserEvent::PasswordSet(e) => change(tx, decoded, e.user, "has_password = 1, epoch = epoch + 1")?,
        UserEvent::SessionsEnded(e) => change(tx, decoded, e.user, "epoch = epoch + 1")?,
        UserEvent::IdentityLinked(linked) => {
            link(tx, decoded, linked)?;
            touch(tx, decoded, linked.user)?;
        }
        UserEvent::IdentityUnlinked(unlinked) => {
            tx.prepare_cached("DELETE FROM identity WHERE id = ?1")?
                .execute([unlinked.identity.as_bytes()])?;
            touch(tx, decoded, unlinked.user)?;
        }
        UserEvent::ChannelsSet(set) => {
            tx.prepare_cached("UPDATE user SET channels = ?2, updated_at = ?3 WHERE id = ?1")?
                .execute(params![set.user.as_bytes(), to_json(&set.channels), decoded.at()])?;
        }
        // Anybody can ask for it, so it changes nothing that anybody sees.
        UserEvent::ResetRequested(_) => (),
    }
    Ok(())
}

fn register(tx: &Connection, decoded: &Decoded, registered: &UserRegistered) -> Result<(), ApplyError> {
    tx.prepare_cached(
        "INSERT INTO user (id, name, email, registered, registered_at, updated_at, is_active, rank, epoch,
                           has_password)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, 1, ?6, 0, ?7)",
    )?
    .execute(params![
        registered.user.as_bytes(),
        registered.name.0,
        registered.email.0,
        decoded.position(),
        decoded.at(),
        word(Rank::Ordinary),
        registered.password.is_some()
    ])?;
    Ok(())
}

/// Sets columns to what an event says; `set` is one of few texts, so that each is prepared once.
fn change(tx: &Connection, decoded: &Decoded, user: UserId, set: &'static str) -> Result<(), ApplyError> {
    tx.prepare_cached(&format!("UPDATE user SET {set}, updated_at = ?2 WHERE id = ?1"))?
        .execute(params![user.as_bytes(), decoded.at()])?;
    Ok(())
}

fn touch(tx: &Connection, decoded: &Decoded, user: UserId) -> Result<(), ApplyError> {
    tx.prepare_cached("UPDATE user SET updated_at = ?2 WHERE id = ?1")?
        .execute(params![user.as_bytes(), decoded.at()])?;
    Ok(())
}

/// What is sealed stays as it is, like in the log; it opens no more.
fn erase(tx: &Connection, decoded: &Decoded, user: UserId) -> Result<(), ApplyError> {
    tx.prepare_cached("UPDATE user SET erased = ?2, updated_at = ?3 WHERE id = ?1 AND erased IS NULL")?
        .execute(params![user.as_bytes(), decoded.position(), decoded.at()])?;
    tx.prepare_cached("DELETE FROM identity WHERE user = ?1")?.execute([user.as_bytes()])?;
    Ok(())
}

fn link(tx: &Connection, decoded: &Decoded, linked: &UserIdentityLinked) -> Result<(), ApplyError> {
    tx.prepare_cached(
        "INSERT INTO identity (id, user, provider, subject, email, linked_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        linked.identity.as_bytes(),
        linked.user.as_bytes(),
        linked.provider.as_str(),
        linked.subject.0,
        linked.email.as_ref().map(|email| &email.0),
        decoded.at()
    ])?;
    Ok(())
}

pub(super) fn apply_session(
    tx: &Connection,
    decoded: &Decoded,
    event: &SessionEvent,
) -> Result<(), ApplyError> {
    match event {
        SessionEvent::Started(started) => start(tx, decoded, started)?,
        // Tokens that a session is continued with are compared where they are used, with the log.
        SessionEvent::Continued(continued) => {
            tx.prepare_cached("UPDATE session SET token_expires_at = ?2 WHERE id = ?1")?
                .execute(params![continued.session.as_bytes(), continued.token_expires_at.0])?;
        }
        SessionEvent::Ended(ended) => {
            tx.prepare_cached("UPDATE session SET ended = ?2 WHERE id = ?1")?
                .execute(params![ended.session.as_bytes(), word(ended.reason)])?;
        }
    }
    Ok(())
}

fn start(tx: &Connection, decoded: &Decoded, started: &SessionStarted) -> Result<(), ApplyError> {
    tx.prepare_cached(
        "INSERT INTO session (id, user, kind, epoch, started_at, token_expires_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        started.session.as_bytes(),
        started.user.as_bytes(),
        word(started.kind),
        started.epoch,
        decoded.at(),
        started.token_expires_at.0,
        started.expires_at.0
    ])?;
    tx.prepare_cached("UPDATE user SET last_login_at = ?2 WHERE id = ?1")?
        .execute(params![started.user.as_bytes(), decoded.at()])?;
    Ok(())
}
