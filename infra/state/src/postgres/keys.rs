//! Keys at rest.
//!
//! Whoever makes a key holds the row of the installation in share mode, and whoever erases or rotates holds it alone:
//! so no key appears for somebody who is being erased, or under a server key that is being replaced.

use super::{LONG_CALL, PgStore, ROWS, sweeping};
use crate::store::{AllKeys, Found, FoundKey, Installation, KeyRows, PutKey, Wrapped};
use crate::vault::{Rewrap, generation_after};
use scanledger_domain::Cause;
use scanledger_domain::id::SubjectId;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgPool, Row};
use std::time::Instant;
use uuid::Uuid;

impl KeyRows for PgStore {
    fn load(&self) -> Result<Option<Installation>, Cause> {
        self.call(|pool| async move {
            let row = sqlx::query(
                "SELECT generation, key_check, data_key, signing_key FROM scanledger_state.installation",
            );
            row.fetch_optional(&pool).await?.as_ref().map(installation).transpose()
        })
    }

    fn fill(&self, fresh: Installation) -> Result<Installation, Cause> {
        self.call(move |pool| async move {
            sqlx::query(
                "INSERT INTO scanledger_state.installation (generation, key_check, data_key, signing_key) \
                 VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            )
            .bind(fresh.generation)
            .bind(fresh.check)
            .bind(fresh.data_key)
            .bind(fresh.signing_key)
            .execute(&pool)
            .await?;
            let row = sqlx::query(
                "SELECT generation, key_check, data_key, signing_key FROM scanledger_state.installation",
            );
            installation(&row.fetch_one(&pool).await?)
        })
    }

    fn find(&self, subject: SubjectId) -> Result<Found, Cause> {
        self.call(move |pool| async move {
            let found = sqlx::query_as(
                "SELECT generation, \
                        (SELECT wrapped FROM scanledger_state.subject_key WHERE subject = $1), \
                        EXISTS (SELECT FROM scanledger_state.erased_subject WHERE subject = $1) \
                 FROM scanledger_state.installation",
            );
            let (generation, wrapped, is_erased): (i64, Option<Wrapped>, bool) =
                found.bind(subject.0).fetch_one(&pool).await?;
            let key = match wrapped {
                Some(wrapped) => FoundKey::Key(wrapped),
                None if is_erased => FoundKey::Erased,
                None => FoundKey::None,
            };
            Ok(Found { key, generation })
        })
    }

    fn put(&self, generation: i64, subject: SubjectId, wrapped: Wrapped) -> Result<PutKey, Cause> {
        self.call(move |pool| put(pool, generation, subject, wrapped))
    }

    fn erase(&self, subject: SubjectId) -> Result<(), Cause> {
        let erasures = self.call(move |pool| async move {
            let mut tx = pool.begin().await?;
            let erasures: i64 = sqlx::query_scalar(
                "UPDATE scanledger_state.installation SET erasures = erasures + 1 RETURNING erasures",
            )
            .fetch_one(&mut *tx)
            .await?;
            sqlx::query(
                "INSERT INTO scanledger_state.erased_subject (subject, seq) VALUES ($1, $2) \
                 ON CONFLICT (subject) DO NOTHING",
            )
            .bind(subject.0)
            .bind(erasures)
            .execute(&mut *tx)
            .await?;
            let deleted = sqlx::query("DELETE FROM scanledger_state.subject_key WHERE subject = $1")
                .bind(subject.0)
                .execute(&mut *tx)
                .await?;
            if deleted.rows_affected() > 0 {
                sweeping::mark(&mut tx).await?;
            }
            tx.commit().await?;
            Ok(erasures)
        })?;
        // Here it is known at once.
        self.watch.saw(erasures, Instant::now());
        Ok(())
    }

    fn erased(&self) -> Result<Vec<SubjectId>, Cause> {
        self.call(|pool| async move { erased(&mut *pool.acquire().await?).await })
    }

    fn erasures(&self) -> Result<i64, Cause> {
        self.count_erasures()
    }

    fn rewrap(&self, rewrap: Rewrap) -> Result<Installation, Cause> {
        self.thread.call(LONG_CALL, |pool| rewrap_all(pool, rewrap))
    }

    fn export(&self) -> Result<AllKeys, Cause> {
        self.thread.call(LONG_CALL, |pool| async move {
            let mut tx = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
            let row = sqlx::query(
                "SELECT generation, key_check, data_key, signing_key FROM scanledger_state.installation",
            );
            let installation = installation(&row.fetch_one(&mut *tx).await?)?;
            let subjects = subjects(&mut tx).await?;
            Ok(AllKeys { installation, subjects, erased: erased(&mut tx).await? })
        })
    }

    fn import(&self, keys: AllKeys) -> Result<Option<Installation>, Cause> {
        self.thread.call(LONG_CALL, |pool| import(pool, keys))
    }
}

fn installation(row: &PgRow) -> Result<Installation, Cause> {
    Ok(Installation {
        generation: row.try_get("generation")?,
        check: row.try_get("key_check")?,
        data_key: row.try_get("data_key")?,
        signing_key: row.try_get("signing_key")?,
    })
}

async fn put(pool: PgPool, generation: i64, subject: SubjectId, wrapped: Wrapped) -> Result<PutKey, Cause> {
    let mut tx = pool.begin().await?;
    let present: i64 = sqlx::query_scalar("SELECT generation FROM scanledger_state.installation FOR SHARE")
        .fetch_one(&mut *tx)
        .await?;
    if present != generation {
        return Ok(PutKey::OtherGeneration);
    }
    // A statement of its own, so that it sees what those did who held the row before.
    let inserted = sqlx::query(
        "INSERT INTO scanledger_state.subject_key (subject, wrapped) SELECT $1, $2 \
         WHERE NOT EXISTS (SELECT FROM scanledger_state.erased_subject WHERE subject = $1) \
         ON CONFLICT (subject) DO NOTHING",
    )
    .bind(subject.0)
    .bind(&wrapped)
    .execute(&mut *tx)
    .await?;
    let key = match inserted.rows_affected() {
        0 => {
            let key =
                sqlx::query_scalar("SELECT wrapped FROM scanledger_state.subject_key WHERE subject = $1");
            key.bind(subject.0).fetch_optional(&mut *tx).await?.map_or(PutKey::Erased, PutKey::Key)
        }
        _ => PutKey::Key(wrapped),
    };
    tx.commit().await?;
    Ok(key)
}

async fn rewrap_all(pool: PgPool, rewrap: Rewrap) -> Result<Installation, Cause> {
    let mut tx = pool.begin().await?;
    let before = held_installation(&mut tx).await?;
    let after = rewrap.installation(&before)?;
    for page in subjects(&mut tx).await?.chunks(ROWS) {
        let mut keys = Vec::with_capacity(page.len());
        for (subject, wrapped) in page {
            keys.push(rewrap.subject_key(*subject, wrapped)?);
        }
        sqlx::query(
            "UPDATE scanledger_state.subject_key AS k SET wrapped = n.wrapped \
             FROM unnest($1::uuid[], $2::bytea[]) AS n (subject, wrapped) WHERE k.subject = n.subject",
        )
        .bind(page.iter().map(|(subject, _)| subject.0).collect::<Vec<_>>())
        .bind(keys)
        .execute(&mut *tx)
        .await?;
    }
    replace_installation(&mut tx, &after, 0).await?;
    sweeping::mark(&mut tx).await?;
    tx.commit().await?;
    Ok(after)
}

async fn import(pool: PgPool, keys: AllKeys) -> Result<Option<Installation>, Cause> {
    let mut tx = pool.begin().await?;
    let before = held_installation(&mut tx).await?;
    let is_used = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM scanledger_state.subject_key) \
             OR EXISTS (SELECT FROM scanledger_state.erased_subject)",
    );
    if is_used.fetch_one(&mut *tx).await? {
        return Ok(None);
    }
    let after = Installation { generation: generation_after(before.generation)?, ..keys.installation };
    for page in keys.subjects.chunks(ROWS) {
        sqlx::query(
            "INSERT INTO scanledger_state.subject_key (subject, wrapped) \
             SELECT * FROM unnest($1::uuid[], $2::bytea[])",
        )
        .bind(page.iter().map(|(subject, _)| subject.0).collect::<Vec<_>>())
        .bind(page.iter().map(|(_, wrapped)| wrapped.as_slice()).collect::<Vec<_>>())
        .execute(&mut *tx)
        .await?;
    }
    let erased: Vec<_> = keys.erased.iter().map(|subject| subject.0).collect();
    let erasures = i64::try_from(erased.len())?;
    sqlx::query(
        "INSERT INTO scanledger_state.erased_subject (subject, seq) \
         SELECT subject, seq FROM unnest($1::uuid[]) WITH ORDINALITY AS e (subject, seq)",
    )
    .bind(erased)
    .execute(&mut *tx)
    .await?;
    replace_installation(&mut tx, &after, erasures).await?;
    tx.commit().await?;
    Ok(Some(after))
}

/// The installation's keys, which nobody else can read for writing, or change, until the transaction ends.
async fn held_installation(connection: &mut PgConnection) -> Result<Installation, Cause> {
    let row = sqlx::query(
        "SELECT generation, key_check, data_key, signing_key FROM scanledger_state.installation FOR UPDATE",
    );
    installation(&row.fetch_one(connection).await?)
}

async fn replace_installation(
    connection: &mut PgConnection,
    keys: &Installation,
    further_erasures: i64,
) -> Result<(), Cause> {
    sqlx::query(
        "UPDATE scanledger_state.installation \
         SET generation = $1, key_check = $2, data_key = $3, signing_key = $4, erasures = erasures + $5",
    )
    .bind(keys.generation)
    .bind(&keys.check)
    .bind(&keys.data_key)
    .bind(&keys.signing_key)
    .bind(further_erasures)
    .execute(connection)
    .await?;
    Ok(())
}

async fn subjects(connection: &mut PgConnection) -> Result<Vec<(SubjectId, Wrapped)>, Cause> {
    let rows = sqlx::query_as("SELECT subject, wrapped FROM scanledger_state.subject_key ORDER BY subject");
    let rows: Vec<(Uuid, Wrapped)> = rows.fetch_all(connection).await?;
    Ok(rows.into_iter().map(|(subject, wrapped)| (SubjectId(subject), wrapped)).collect())
}

async fn erased(connection: &mut PgConnection) -> Result<Vec<SubjectId>, Cause> {
    let subjects = sqlx::query_scalar("SELECT subject FROM scanledger_state.erased_subject ORDER BY seq");
    let subjects: Vec<Uuid> = subjects.fetch_all(connection).await?;
    Ok(subjects.into_iter().map(SubjectId).collect())
}
