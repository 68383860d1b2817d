//! What is written is read back by the format's own reader; an independent one reads whole exports in `tests/cli`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use scanledger_domain::component::Ecosystem;
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::{BranchId, CommandId, FindingId, OrganizationId, ProjectId};
use scanledger_domain::log::{Position, StreamName, Version};
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::severity::Severity;
use scanledger_domain::time::Timestamp;
use scanledger_parquet::{EventRow, FindingRow, GROUP_BYTES, GROUP_ROWS, ParquetError, ParquetFile, Row};
use std::fs::File;
use std::path::PathBuf;
use tempfile::TempDir;
use uuid::Uuid;

fn event(position: u64, data: String) -> EventRow {
    EventRow {
        position: Position(position),
        id: CommandId(Uuid::from_u128(1)).event(u32::try_from(position).unwrap()),
        stream: StreamName::new("sample", position % 7),
        version: Version(position / 7 + 1),
        kind: "sample.made".into(),
        schema: 1,
        data,
        metadata: "{}".to_owned(),
        recorded_at: Timestamp(1_795_255_200_000_000 + i64::try_from(position).unwrap()),
    }
}

fn finding() -> FindingRow {
    FindingRow {
        valid_from: Position(7),
        valid_from_at: Timestamp(1_795_255_200_123_456),
        valid_to: None,
        valid_to_at: None,
        finding: FindingId(Uuid::from_u128(1)),
        organization: OrganizationId(Uuid::from_u128(2)),
        project: ProjectId(Uuid::from_u128(3)),
        project_name: "shop".to_owned(),
        branch: BranchId(Uuid::from_u128(4)),
        branch_name: "main".to_owned(),
        scanner: ScannerKind::Sca,
        rule: "GHSA-35jh-r3h4-6jhm".to_owned(),
        title: "Zwölf Boxkämpfer".to_owned(),
        severity: Severity::High,
        state: TriageState::FalsePositive,
        cwe: None,
        cve: Some("CVE-2021-23337".to_owned()),
        path: "package-lock.json".to_owned(),
        line: None,
        ecosystem: Some(Ecosystem::Npm),
        package: Some("lodash".to_owned()),
        package_version: Some("4.17.15".to_owned()),
        fix: None,
        is_new: true,
        since: Position(7),
        detected_at: Timestamp(1_795_255_200_123_456),
    }
}

struct Written(TempDir);

impl Written {
    fn path(&self) -> PathBuf {
        self.0.path().join("rows.parquet")
    }

    fn rows<R: Row>(rows: impl IntoIterator<Item = R>) -> Self {
        let written = Self(TempDir::new().unwrap());
        let mut file = ParquetFile::create(&written.path(), Position(9)).unwrap();
        let mut count = 0;
        for row in rows {
            file.push(&row).unwrap();
            count += 1;
        }
        assert_eq!(file.finish().unwrap(), count);
        written
    }

    fn reader(&self) -> ParquetRecordBatchReaderBuilder<File> {
        ParquetRecordBatchReaderBuilder::try_new(File::open(self.path()).unwrap()).unwrap()
    }

    fn batches(&self) -> Vec<RecordBatch> {
        self.reader().build().unwrap().map(Result::unwrap).collect()
    }

    /// The rows of each row group.
    fn groups(&self) -> Vec<i64> {
        self.reader().metadata().row_groups().iter().map(|group| group.num_rows()).collect()
    }
}

fn text(batch: &RecordBatch, column: &str) -> Option<String> {
    let column = batch.column_by_name(column).unwrap().as_string::<i32>();
    column.is_valid(0).then(|| column.value(0).to_owned())
}

fn number(batch: &RecordBatch, column: &str) -> Option<i64> {
    let column = batch.column_by_name(column).unwrap().as_primitive::<Int64Type>();
    column.is_valid(0).then(|| column.value(0))
}

#[test]
fn values_come_back_as_they_were_with_nothing_where_there_was_none() {
    let batch = Written::rows([finding()]).batches().remove(0);
    assert_eq!(number(&batch, "valid_from"), Some(7));
    assert_eq!(number(&batch, "valid_to"), None);
    assert_eq!(number(&batch, "line"), None);
    let columns =
        ["finding_id", "branch", "title", "severity", "state", "scanner", "ecosystem", "package", "cwe"];
    let expected = [
        Some("00000000-0000-0000-0000-000000000001"),
        Some("main"),
        Some("Zwölf Boxkämpfer"),
        Some("high"),
        Some("false_positive"),
        Some("sca"),
        Some("npm"),
        Some("lodash"),
        None,
    ];
    assert_eq!(columns.map(|column| text(&batch, column)), expected.map(|text| text.map(str::to_owned)));
    let at = batch.column_by_name("valid_from_at").unwrap().as_primitive::<TimestampMicrosecondType>();
    assert_eq!((at.value(0), at.timezone()), (1_795_255_200_123_456, Some("UTC")));
    assert!(batch.column_by_name("is_new").unwrap().as_boolean().value(0));
}

#[test]
fn a_file_says_up_to_which_position_it_goes() {
    let written = Written::rows([event(1, "{}".to_owned())]);
    let reader = written.reader();
    let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let position = pairs.iter().find(|pair| pair.key == "scanledger.position").unwrap();
    assert_eq!(position.value.as_deref(), Some("9"));
}

#[test]
fn a_file_without_rows_has_its_columns_all_the_same() {
    let written = Written::rows::<EventRow>([]);
    assert_eq!(written.batches(), []);
    let names: Vec<_> = written.reader().schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(
        names,
        ["position", "id", "stream", "version", "type", "schema", "data", "metadata", "recorded_at"]
    );
}

#[test]
fn a_row_group_has_so_many_rows_and_not_one_more() {
    let write =
        |count: usize| Written::rows((1..=count as u64).map(|position| event(position, "{}".to_owned())));
    assert_eq!(write(GROUP_ROWS).groups(), [GROUP_ROWS as i64]);
    let written = write(GROUP_ROWS + 1);
    assert_eq!(written.groups(), [GROUP_ROWS as i64, 1]);
    let positions: Vec<i64> = written
        .batches()
        .iter()
        .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec())
        .collect();
    assert_eq!(positions, (1..=GROUP_ROWS as i64 + 1).collect::<Vec<_>>());
}

#[test]
fn large_rows_end_a_row_group_early() {
    // Numbers that neither repeat nor compress well.
    let noise = |position: u64| {
        let next =
            |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(position | 1));
        let words = std::iter::successors(Some(position), next).take(25_000);
        words.map(|word| format!("{word:016x}")).collect::<String>()
    };
    let written = Written::rows((1..=150).map(|position| event(position, noise(position))));
    let groups = written.groups();
    assert!(groups.len() > 1 && groups.iter().sum::<i64>() == 150, "{groups:?}");
    for group in written.reader().metadata().row_groups() {
        let size = usize::try_from(group.compressed_size()).unwrap();
        assert!(size < 3 * GROUP_BYTES / 2, "{size}");
    }
}

#[test]
fn a_file_that_is_there_is_not_written_over() {
    let written = Written::rows([finding()]);
    let before = std::fs::read(written.path()).unwrap();
    let refused = ParquetFile::<FindingRow>::create(&written.path(), Position(1)).err().unwrap();
    assert!(
        matches!(refused, ParquetError::Disk(error) if error.kind() == std::io::ErrorKind::AlreadyExists)
    );
    assert_eq!(std::fs::read(written.path()).unwrap(), before);
}

#[test]
fn a_file_that_was_not_finished_is_no_parquet_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("half.parquet");
    let mut file = ParquetFile::create(&path, Position(1)).unwrap();
    for position in 1..20_000 {
        file.push(&event(position, "{}".to_owned())).unwrap();
    }
    drop(file);
    assert!(ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).is_err());
}
