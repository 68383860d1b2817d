//! The rows of each file.

use crate::value::Value;
use arrow_array::ArrayRef;
use arrow_array::builder::ArrayBuilder;
use arrow_schema::{Field, Schema};
use scanledger_domain::component::Ecosystem;
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::{BranchId, EventId, FindingId, OrganizationId, ProjectId, ScanId};
use scanledger_domain::log::{Position, StreamName, Version};
use scanledger_domain::project::GateResult;
use scanledger_domain::scan::{ScanStatus, ScanType};
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::severity::Severity;
use scanledger_domain::time::Timestamp;
use std::sync::Arc;

/// A kind of rows. Implemented by the structs of this crate only.
pub trait Row: sealed::Row {}

impl<R: sealed::Row> Row for R {}

pub(crate) mod sealed {
    use arrow_array::ArrayRef;
    use arrow_schema::Schema;

    /// What a file needs to know of its rows.
    pub trait Row {
        /// What collects rows.
        type Columns;

        fn schema() -> Schema;
        fn columns() -> Self::Columns;
        fn append(&self, columns: &mut Self::Columns);
        fn finish(columns: &mut Self::Columns) -> Vec<ArrayRef>;
        /// About how many bytes the row takes.
        fn size(&self) -> usize;
    }
}

/// A struct of rows: its fields are the columns, and the text behind each is the column's name.
macro_rules! rows {
    ($(
        $(#[$doc:meta])*
        $row:ident collected in $columns:ident {
            $($(#[$about:meta])* $field:ident as $name:literal: $type:ty,)+
        }
    )+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $row {
            $($(#[$about])* pub $field: $type,)+
        }

        /// The builders of the columns.
        pub struct $columns {
            $($field: <$type as Value>::Builder,)+
        }

        impl sealed::Row for $row {
            type Columns = $columns;

            fn schema() -> Schema {
                Schema::new(vec![
                    $(Field::new($name, <$type>::data_type(), <$type>::NULLABLE),)+
                ])
            }

            fn columns() -> $columns {
                $columns { $($field: <$type>::builder(),)+ }
            }

            fn append(&self, columns: &mut $columns) {
                $(self.$field.append(&mut columns.$field);)+
            }

            fn finish(columns: &mut $columns) -> Vec<ArrayRef> {
                vec![$(ArrayBuilder::finish(&mut columns.$field),)+]
            }

            fn size(&self) -> usize {
                0 $(+ self.$field.size())+
            }
        }
    )+};
}

rows! {
    /// An event, as the log keeps it.
    EventRow collected in EventColumns {
        /// Place in the whole log.
        position as "position": Position,
        /// Unique id.
        id as "id": EventId,
        /// The stream it belongs to.
        stream as "stream": StreamName,
        /// Place in its stream, from 1.
        version as "version": Version,
        /// The type, such as `finding.triaged`.
        kind as "type": Arc<str>,
        /// The number of the shape of `data`.
        schema as "schema": u16,
        /// JSON, as stored.
        data as "data": String,
        /// JSON, as stored; personal data is sealed.
        metadata as "metadata": String,
        /// When it was written.
        recorded_at as "recorded_at": Timestamp,
    }

    /// A finding on a branch, from one change of its place, severity or triage to the next.
    FindingRow collected in FindingColumns {
        /// The first position at which it holds.
        valid_from as "valid_from": Position,
        /// When that was.
        valid_from_at as "valid_from_at": Timestamp,
        /// The first position at which it no longer holds; none if it still does.
        valid_to as "valid_to": Option<Position>,
        /// When that was.
        valid_to_at as "valid_to_at": Option<Timestamp>,
        /// The finding, the same on every branch.
        finding as "finding_id": FindingId,
        /// Whose it is.
        organization as "organization_id": OrganizationId,
        /// Its project.
        project as "project_id": ProjectId,
        /// The project's name.
        project_name as "project": String,
        /// The branch it is on.
        branch as "branch_id": BranchId,
        /// The branch's name.
        branch_name as "branch": String,
        /// Who found it.
        scanner as "scanner": ScannerKind,
        /// Rule, detector or advisory.
        rule as "rule": String,
        /// One line.
        title as "title": String,
        /// How bad.
        severity as "severity": Severity,
        /// What people decided.
        state as "state": TriageState,
        /// `CWE-79`.
        cwe as "cwe": Option<String>,
        /// `CVE-2020-1234`.
        cve as "cve": Option<String>,
        /// Its first place.
        path as "path": String,
        /// The place's first line, from 1.
        line as "line": Option<u32>,
        /// The package's ecosystem, for vulnerable dependencies.
        ecosystem as "ecosystem": Option<Ecosystem>,
        /// The package, for vulnerable dependencies.
        package as "package": Option<String>,
        /// The affected version at its first place.
        package_version as "package_version": Option<String>,
        /// The version that mends it.
        fix as "fix": Option<String>,
        /// Whether it counted as new when it came onto the branch.
        is_new as "is_new": bool,
        /// Since which position it has been on the branch without a break, whatever its triage.
        since as "since": Position,
        /// When it was first seen in its project.
        detected_at as "detected_at": Timestamp,
    }

    /// A scan in one of its states.
    ScanRow collected in ScanColumns {
        /// The first position at which it holds.
        valid_from as "valid_from": Position,
        /// When that was.
        valid_from_at as "valid_from_at": Timestamp,
        /// The first position at which it no longer holds; none if it still does.
        valid_to as "valid_to": Option<Position>,
        /// When that was.
        valid_to_at as "valid_to_at": Option<Timestamp>,
        /// The scan.
        scan as "scan_id": ScanId,
        /// Whose it is.
        organization as "organization_id": OrganizationId,
        /// Its project.
        project as "project_id": ProjectId,
        /// The project's name.
        project_name as "project": String,
        /// The branch it looks at.
        branch_name as "branch": String,
        /// What it looks for.
        scan_type as "scan_type": ScanType,
        /// The commit it was asked for.
        commit as "commit_id": Option<String>,
        /// The state.
        status as "status": ScanStatus,
        /// How often it was begun anew after a stop, from 1.
        run as "run": u32,
        /// How often a worker took it.
        attempt as "attempt": u32,
        /// When it was asked for.
        queued_at as "queued_at": Timestamp,
        /// When a worker took it.
        started_at as "started_at": Option<Timestamp>,
        /// When it ended.
        ended_at as "ended_at": Option<Timestamp>,
        /// What the gate said.
        gate as "gate": Option<GateResult>,
        /// Its critical findings, whatever their triage; likewise those that follow.
        critical as "critical": Option<u64>,
        /// High ones.
        high as "high": Option<u64>,
        /// Medium ones.
        medium as "medium": Option<u64>,
        /// Those without a severity.
        unknown as "unknown": Option<u64>,
        /// Low ones.
        low as "low": Option<u64>,
        /// Informational ones.
        info as "info": Option<u64>,
        /// Findings that were not on the branch before.
        new_findings as "new_findings": Option<u64>,
        /// Findings that were no longer there.
        fixed_findings as "fixed_findings": Option<u64>,
        /// Why it failed.
        failure as "failure": Option<String>,
    }
}
