//! Projects: what is scanned again and again, and the gate that its builds have to pass.

mod decider;
mod gate;
mod left_alone;

pub use decider::{
    Created, DEFAULT_BRANCH, Deleted, GateUpdated, Project, ProjectCommand, ProjectDetails, ProjectEvent,
    ProjectRefusal, ProjectState, Updated, default_project_name, project_stream,
};
pub use gate::{Gate, GateInput, GateReason, GateRefusal, GateResult, Limit, Verdict};
pub use left_alone::LeftAlone;
