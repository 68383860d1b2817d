//! What advisories learn later of a finding that is there.

use super::words::Words;
use crate::projector::{ApplyError, Texts};
use crate::store::column::{json_list, list_to_json};
use rusqlite::{Connection, OptionalExtension, params};
use scanledger_domain::branch::{AdvisoryDigest, AdvisoryFacts};

/// What a finding shows of its advisories, and what stands beside that where it is searched.
struct Shown {
    rule: String,
    package: Option<String>,
    /// Where it was seen first, by whichever branch.
    path: String,
    title: String,
    description: String,
    cwe: Option<String>,
    cve: Option<String>,
    advisories: Vec<String>,
    informational: Option<String>,
    references: Vec<String>,
}

/// A finding shows what it was told, and is found by it, on every branch.
pub(super) fn learn(
    tx: &Connection,
    texts: &mut Texts,
    finding: i64,
    told: AdvisoryFacts,
) -> Result<(), ApplyError> {
    let before = shown(tx, finding)?;
    let text_before = before.text();
    let after = Shown {
        title: told.title.unwrap_or(before.title),
        description: told.description.unwrap_or(before.description),
        cwe: told.cwe.unwrap_or(before.cwe),
        cve: told.cve.unwrap_or(before.cve),
        advisories: told.advisories.unwrap_or(before.advisories),
        informational: told.informational.unwrap_or(before.informational),
        references: told.references.unwrap_or(before.references),
        ..before
    };
    tx.prepare_cached(
        "UPDATE finding SET title = ?2, description = ?3, cwe = ?4, cve = ?5, advisories = ?6, informational = ?7,
                            refs = ?8 WHERE key = ?1",
    )?
    .execute(params![
        finding,
        after.title,
        after.description,
        after.cwe,
        after.cve,
        list_to_json(&after.advisories),
        after.informational,
        list_to_json(&after.references),
    ])?;
    let text = after.text();
    if text != text_before {
        texts.replace(finding, text_before, text);
    }
    Ok(())
}

impl Shown {
    fn text(&self) -> String {
        let words = Words {
            title: &self.title,
            rule: &self.rule,
            path: &self.path,
            advisories: &self.advisories,
            package: self.package.as_deref(),
            cve: self.cve.as_deref(),
            cwe: self.cwe.as_deref(),
        };
        let mut text = String::new();
        words.write(&mut text);
        text
    }
}

fn shown(tx: &Connection, finding: i64) -> rusqlite::Result<Shown> {
    tx.prepare_cached(
        "SELECT rule, package, title, description, cwe, cve, advisories, informational, refs,
                (SELECT path FROM presence WHERE key = (SELECT min(q.key) FROM presence q WHERE q.finding = ?1))
         FROM finding WHERE key = ?1",
    )?
    .query_row([finding], |row| {
        Ok(Shown {
            rule: row.get(0)?,
            package: row.get(1)?,
            title: row.get(2)?,
            description: row.get(3)?,
            cwe: row.get(4)?,
            cve: row.get(5)?,
            advisories: json_list(row, 6)?,
            informational: row.get(7)?,
            references: json_list(row, 8)?,
            path: row.get::<_, Option<_>>(9)?.unwrap_or_default(),
        })
    })
}

/// What a branch was last told of a finding that is gone from it.
pub(super) fn told_last(
    tx: &Connection,
    branch: i64,
    finding: i64,
) -> rusqlite::Result<Option<AdvisoryDigest>> {
    let told: Option<Option<[u8; AdvisoryDigest::BYTES]>> = tx
        .prepare_cached(
            "SELECT advisory FROM presence INDEXED BY presence_finding
             WHERE finding = ?1 AND branch = ?2 ORDER BY valid_from DESC LIMIT 1",
        )?
        .query_row([finding, branch], |row| row.get(0))
        .optional()?;
    Ok(told.flatten().map(AdvisoryDigest::from_bytes))
}
