//! How the imports of each ecosystem name packages (dpendx reference §11).

use super::{node, python, rust};
use crate::component::{Ecosystem, Package};
use std::borrow::Cow;

/// What of an import, as written, tells its package; `None` if it means none.
pub(super) fn imported(ecosystem: Ecosystem, written: &str) -> Option<Cow<'_, str>> {
    match ecosystem {
        Ecosystem::CratesIo => rust::imported(written).map(Cow::Borrowed),
        Ecosystem::Go => is_go_module(written).then_some(Cow::Borrowed(written)),
        Ecosystem::Npm => node::imported(written).map(Cow::Borrowed),
        Ecosystem::PyPi => python::imported(written).map(Cow::Owned),
    }
}

/// The names under which a package is imported; `None` if that cannot be told.
pub(super) fn of_package(package: &Package) -> Option<Vec<Cow<'_, str>>> {
    let name = package.name.as_str();
    match package.ecosystem {
        Ecosystem::CratesIo => Some(vec![rust::library(name)]),
        // `stdlib` and `toolchain` are no modules: each file needs them, and none names them.
        Ecosystem::Go => is_go_module(name).then(|| vec![Cow::Borrowed(name)]),
        Ecosystem::Npm => Some(vec![Cow::Borrowed(name)]),
        Ecosystem::PyPi => Some(python::modules(name)),
    }
}

/// What stands between a name and what lies within it.
pub(super) const fn separator(ecosystem: Ecosystem) -> &'static str {
    match ecosystem {
        Ecosystem::CratesIo => "::",
        Ecosystem::Go | Ecosystem::Npm => "/",
        Ecosystem::PyPi => ".",
    }
}

/// Whether an import with `rest` after a package's name is of this package.
pub(super) fn is_within(ecosystem: Ecosystem, rest: &str) -> bool {
    match ecosystem {
        Ecosystem::CratesIo | Ecosystem::Npm | Ecosystem::PyPi => true,
        Ecosystem::Go => !begins_with_major_version(rest),
    }
}

/// Paths whose first element has no dot are the standard library's (`go help importpath`, Go Modules Reference,
/// "Module paths"); those that begin with a dot are relative.
fn is_go_module(path: &str) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    first.contains('.') && !first.starts_with('.')
}

/// `v2`, `v3` and so on directly after a module's path make it the path of another module (Go Modules Reference,
/// "Major version suffixes").
fn begins_with_major_version(rest: &str) -> bool {
    let first = rest.split('/').next().unwrap_or_default();
    first.strip_prefix('v').is_some_and(|number| {
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number && number != "1" && !number.starts_with('0')
    })
}
