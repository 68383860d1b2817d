//! Who used honeytokens.

use crate::conditions::Conditions;
use crate::incident::Direction;
use crate::store::column::id;
use crate::store::{ReadError, Views};
use rusqlite::Row;
use scanledger_domain::id::{HoneytokenId, OrganizationId, TriggerId};
use scanledger_domain::log::Position;
use scanledger_domain::time::Timestamp;
use scanledger_domain::vault::Sealed;

/// Whether somebody has dealt with a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageStatus {
    /// Nobody has.
    Open,
    /// The honeytoken was reset or revoked since.
    Archived,
}

/// A use of a honeytoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// Its id.
    pub id: TriggerId,
    /// Its number: the position of its `honeytoken.triggered`.
    pub number: Position,
    /// The honeytoken.
    pub honeytoken: HoneytokenId,
    /// When.
    pub at: Timestamp,
    /// Whether somebody has dealt with it.
    pub status: UsageStatus,
    /// The service that they thought they were asking.
    pub service: Option<String>,
    /// Where they thought it was.
    pub region: Option<String>,
    /// What they asked for.
    pub action: Option<String>,
    /// The network address they came from, sealed.
    pub address: Option<Sealed>,
    /// Their user agent, sealed.
    pub user_agent: Option<Sealed>,
}

/// Which uses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UsageFilter {
    /// Of this honeytoken.
    pub honeytoken: Option<HoneytokenId>,
    /// In this state.
    pub status: Option<UsageStatus>,
    /// From the address of this keyed hash.
    pub address_hash: Option<String>,
    /// With this text in what they asked for, whatever the case.
    pub search: Option<String>,
}

/// A question about uses, which are ordered by their number.
#[derive(Debug, Clone)]
pub struct UsageQuery {
    /// Whose.
    pub organization: OrganizationId,
    /// Which.
    pub filter: UsageFilter,
    /// In which direction.
    pub direction: Direction,
    /// The number of the row that the page follows; the page begins the list without.
    pub from: Option<Position>,
    /// Whether the page precedes `from` instead; it is in order all the same.
    pub is_backward: bool,
    /// Rows on it.
    pub limit: u32,
}

/// A page of uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsagePage {
    /// What is on it.
    pub rows: Vec<UsageRow>,
    /// Whether there are more rows, behind the last one or, going backward, before the first.
    pub has_more: bool,
}

impl Views {
    /// Uses of honeytokens on a page.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn honeytoken_usages(&self, query: UsageQuery) -> Result<UsagePage, ReadError> {
        self.read(move |connection| {
            let way = query.direction.or_back(query.is_backward);
            let conditions = conditions(&query, way);
            let sql = format!(
                "SELECT e.id, e.key, h.id, e.triggered_at, e.is_open, e.service, e.region, e.action, e.address,
                        e.user_agent
                 FROM honeytoken_event e JOIN honeytoken h ON h.key = e.honeytoken
                 WHERE e.organization = (SELECT key FROM organization WHERE id = :organization){}
                 ORDER BY e.key {} LIMIT :limit",
                conditions.sql,
                way.word()
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(conditions.params().as_slice(), read)?;
            let mut rows: Vec<UsageRow> = rows.collect::<Result<_, _>>()?;
            let has_more = rows.len() > query.limit as usize;
            rows.truncate(query.limit as usize);
            if query.is_backward {
                rows.reverse();
            }
            Ok(UsagePage { rows, has_more })
        })
        .await
    }
}

fn conditions(query: &UsageQuery, way: Direction) -> Conditions {
    let UsageQuery { organization, filter, from, limit, .. } = query;
    let mut conditions = Conditions::default();
    conditions.bind(":organization", organization.as_bytes().to_vec());
    conditions.bind(":limit", i64::from(*limit) + 1);
    if let Some(honeytoken) = filter.honeytoken {
        conditions.and("h.id = :honeytoken");
        conditions.bind(":honeytoken", honeytoken.as_bytes().to_vec());
    }
    if let Some(status) = filter.status {
        conditions.and("e.is_open = :open");
        conditions.bind(":open", i64::from(status == UsageStatus::Open));
    }
    if let Some(hash) = &filter.address_hash {
        conditions.and("e.address_hash = :address");
        conditions.bind(":address", hash.clone());
    }
    if let Some(text) = &filter.search {
        conditions.and("instr(e.text, :search) > 0");
        conditions.bind(":search", text.to_lowercase());
    }
    if let Some(from) = from {
        conditions.and(&format!("e.key {} :from", way.further()));
        conditions.bind(":from", from.0.cast_signed());
    }
    conditions
}

fn read(row: &Row<'_>) -> rusqlite::Result<UsageRow> {
    let sealed = |index: usize| -> rusqlite::Result<Option<Sealed>> {
        Ok(row.get::<_, Option<String>>(index)?.map(Sealed))
    };
    Ok(UsageRow {
        id: TriggerId(id(row, 0)?),
        number: Position(row.get::<_, i64>(1)?.cast_unsigned()),
        honeytoken: HoneytokenId(id(row, 2)?),
        at: Timestamp(row.get(3)?),
        status: if row.get(4)? { UsageStatus::Open } else { UsageStatus::Archived },
        service: row.get(5)?,
        region: row.get(6)?,
        action: row.get(7)?,
        address: sealed(8)?,
        user_agent: sealed(9)?,
    })
}
