//! How many entries of the audit log a question comes to.

use super::AuditQuery;
use crate::finding::match_expression;
use crate::project::visible;
use crate::store::{ReadError, Views};
use rusqlite::named_params;

impl Views {
    /// How many audit entries there are for a question, whatever its `before`, `after` and `limit`; exact.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn audit_total(&self, query: AuditQuery) -> Result<u64, ReadError> {
        self.read(move |connection| {
            let text = query.text.as_deref().map(match_expression);
            if text == Some(None) {
                return Ok(0);
            }
            let words = text.flatten();
            let text = if words.is_some() {
                "a.position IN (SELECT rowid FROM audit_text WHERE audit_text MATCH :words)"
            } else {
                ":words IS NULL"
            };
            let sql = format!(
                "SELECT count(*) FROM audit a
                 WHERE a.organization = (SELECT key FROM organization WHERE id = :organization)
                   AND a.position <= :until AND {text}
                   AND {seen}
                   AND (:resource IS NULL OR a.resource = :resource)
                   AND (:user IS NULL OR (a.actor_kind = 0 AND a.actor_id = :user))
                   AND (:actions IS NULL OR a.action IN (SELECT value FROM json_each(:actions)))",
                seen = visible::of_key(&query.visible, "a.project")
            );
            let actions = (!query.actions.is_empty()).then(|| crate::store::column::to_json(&query.actions));
            let total: i64 = connection.prepare_cached(&sql)?.query_row(
                named_params! {
                    ":organization": query.organization.as_bytes(),
                    ":until": query.until.map_or(i64::MAX, |until| until.0.cast_signed()),
                    ":words": words,
                    ":visible": visible::bound(&query.visible),
                    ":resource": query.resource,
                    ":user": query.user.map(|user| *user.as_bytes()),
                    ":actions": actions,
                },
                |row| row.get(0),
            )?;
            Ok(total.cast_unsigned())
        })
        .await
    }
}
