//! What can stand in a column, and how.

use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_schema::{DataType, TimeUnit};
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

/// A value of a column.
pub trait Value {
    /// What collects the values of the column.
    type Builder: ArrayBuilder;
    /// Whether a row may have none.
    const NULLABLE: bool = false;

    /// The column's type in Arrow.
    fn data_type() -> DataType;

    /// An empty builder for the column.
    fn builder() -> Self::Builder;

    /// Adds the value.
    fn append(&self, builder: &mut Self::Builder);

    /// Adds that there is none.
    fn append_null(builder: &mut Self::Builder);

    /// About how many bytes it takes.
    fn size(&self) -> usize {
        size_of::<i64>()
    }
}

impl<T: Value> Value for Option<T> {
    type Builder = T::Builder;
    const NULLABLE: bool = true;

    fn data_type() -> DataType {
        T::data_type()
    }

    fn builder() -> Self::Builder {
        T::builder()
    }

    fn append(&self, builder: &mut Self::Builder) {
        match self {
            Some(value) => value.append(builder),
            None => T::append_null(builder),
        }
    }

    fn append_null(builder: &mut Self::Builder) {
        T::append_null(builder);
    }

    fn size(&self) -> usize {
        self.as_ref().map_or(0, T::size)
    }
}

macro_rules! values {
    ($($type:ty => $builder:ident, $data_type:expr, |$value:ident| $append:expr;)+) => {$(
        impl Value for $type {
            type Builder = $builder;

            fn data_type() -> DataType {
                $data_type
            }

            fn builder() -> Self::Builder {
                $builder::new().with_data_type($data_type)
            }

            fn append(&self, builder: &mut Self::Builder) {
                let $value = self;
                builder.append_value($append);
            }

            fn append_null(builder: &mut Self::Builder) {
                builder.append_null();
            }
        }
    )+};
}

values! {
    Position => Int64Builder, DataType::Int64, |position| position.0.cast_signed();
    Version => Int64Builder, DataType::Int64, |version| version.0.cast_signed();
    u64 => Int64Builder, DataType::Int64, |number| number.cast_signed();
    u32 => Int64Builder, DataType::Int64, |number| i64::from(*number);
    u16 => Int32Builder, DataType::Int32, |number| i32::from(*number);
    Timestamp => TimestampMicrosecondBuilder, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), |at| at.0;
}

impl Value for bool {
    type Builder = BooleanBuilder;

    fn data_type() -> DataType {
        DataType::Boolean
    }

    fn builder() -> Self::Builder {
        BooleanBuilder::new()
    }

    fn append(&self, builder: &mut Self::Builder) {
        builder.append_value(*self);
    }

    fn append_null(builder: &mut Self::Builder) {
        builder.append_null();
    }
}

macro_rules! texts {
    ($($type:ty => |$value:ident| $text:expr;)+) => {$(
        impl Value for $type {
            type Builder = StringBuilder;

            fn data_type() -> DataType {
                DataType::Utf8
            }

            fn builder() -> Self::Builder {
                StringBuilder::new()
            }

            fn append(&self, builder: &mut Self::Builder) {
                let $value = self;
                builder.append_value($text);
            }

            fn append_null(builder: &mut Self::Builder) {
                builder.append_null();
            }

            fn size(&self) -> usize {
                let $value = self;
                str::len($text.as_ref())
            }
        }
    )+};
}

texts! {
    String => |text| text.as_str();
    Arc<str> => |text| &**text;
    StreamName => |name| name.as_str();
    Severity => |severity| severity.as_str();
    TriageState => |state| state.as_str();
    ScannerKind => |kind| kind.as_str();
    ScanType => |kind| kind.as_str();
    ScanStatus => |status| status.as_str();
    GateResult => |result| match result { GateResult::Passed => "passed", GateResult::Failed => "failed" };
    Ecosystem => |ecosystem| ecosystem.as_str();
}

macro_rules! ids {
    ($($type:ty),+) => {$(
        impl Value for $type {
            type Builder = StringBuilder;

            fn data_type() -> DataType {
                DataType::Utf8
            }

            fn builder() -> Self::Builder {
                StringBuilder::new()
            }

            fn append(&self, builder: &mut Self::Builder) {
                let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
                builder.append_value(&*self.0.hyphenated().encode_lower(&mut text));
            }

            fn append_null(builder: &mut Self::Builder) {
                builder.append_null();
            }

            fn size(&self) -> usize {
                uuid::fmt::Hyphenated::LENGTH
            }
        }
    )+};
}

ids!(EventId, OrganizationId, ProjectId, BranchId, FindingId, ScanId);
