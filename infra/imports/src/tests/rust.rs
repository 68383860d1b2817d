use super::{check, written};
use crate::language::Language;

#[test]
fn every_form_of_import_is_found() {
    let text = r#"//! A crate.
use std::collections::HashMap;
use simple::Thing;
use glob::*;
use aliased::thing as other;
use nested::{self, deep::{Deeper, Other as O}, *};
use {braced::One, bare as renamed};
use ::global::Name;
use ::{global_one::A, global_two::B};
use r#raw::Name;
pub use exported::Item;
pub(crate) use restricted::Item as Again;
#[macro_use]
extern crate old_style;
extern crate old_named as new_name;
use whole;
#[cfg(feature = "x")]
mod inner {
    use in_module::X;
    fn f() { use in_function::Y; }
}
"#;
    check(
        "src/lib.rs",
        text,
        &[
            ("simple", Some(3)),
            ("glob", Some(4)),
            ("aliased", Some(5)),
            ("nested", Some(6)),
            ("braced", Some(7)),
            ("bare", Some(7)),
            ("global", Some(8)),
            ("global-one", Some(9)),
            ("global-two", Some(9)),
            ("raw", Some(10)),
            ("exported", Some(11)),
            ("restricted", Some(12)),
            ("old-style", Some(14)),
            ("old_named", Some(15)),
            ("whole", Some(16)),
            ("in_module", Some(19)),
            ("in-function", Some(20)),
            ("std", None),
            ("deep", None),
            ("deeper", None),
            ("thing", None),
            ("new_name", None),
        ],
    );
}

#[test]
fn paths_without_use_are_found() {
    let text = r#"#[derive(derived::Derive, Clone)]
#[attribute::main]
struct S<T: bound::Trait>(field::Type<argument::Type>);
impl implemented::Trait for for_type::Type {}
fn f(x: parameter::Type) -> result::Result<(), error::Error> where T: clause::Trait {
    serde_json::to_string(&x)?;
    ::global::call();
    <qualified::Type>::new();
    <T as casted::Trait>::f();
    Vec::<turbofish::Type>::new();
    match x { pattern::Enum::A(_) => constant::VALUE, literal::Struct { .. } => 1 };
    invoked::macro_call!(in_macro::f(in_macro_again::x), a = deep::b, [brackets::c]);
    println!("{}", ::macro_global::f());
    if let Some(y) = condition::f() { y } else { (closure::f)(|| returned::g()) };
    type_macro!(<Vec<u8>>::x::y, self::own, $crate::own2);
}
macro_rules! m { ($x:ident) => { defined::f($x); $crate::mine::f() } }
"#;
    let names = [
        ("derived", 1),
        ("attribute", 2),
        ("bound", 3),
        ("field", 3),
        ("argument", 3),
        ("implemented", 4),
        ("for_type", 4),
        ("parameter", 5),
        ("result", 5),
        ("error", 5),
        ("clause", 5),
        ("serde_json", 6),
        ("global", 7),
        ("qualified", 8),
        ("casted", 9),
        ("turbofish", 10),
        ("pattern", 11),
        ("constant", 11),
        ("literal", 11),
        ("invoked", 12),
        ("in_macro", 12),
        ("in_macro_again", 12),
        ("deep", 12),
        ("brackets", 12),
        ("macro_global", 13),
        ("condition", 14),
        ("closure", 14),
        ("returned", 14),
        ("defined", 17),
    ];
    check("src/a.rs", text, &names.map(|(name, line)| (name, Some(line))));
    check("src/a.rs", text, &["x", "own", "own2", "mine", "y", "Enum"].map(|name| (name, None)));
}

#[test]
fn comments_strings_and_paths_of_ones_own_are_no_imports() {
    let text = r##"// use line_comment::X;
/* use block_comment::X; */
/// [`doc_comment::X`]
const S: &str = "use in_string::X;";
const R: &str = r#"use in_raw::X;"#;
use crate::own::X;
use self::own_self::X;
use super::own_super::X;
use crate::{own_nested::Y, other::{own_deep::Z}};
fn f() { crate::own_path::f(); Self::assoc::g(); u8::max_value(); core::mem::drop(1); x.field.method(); }
"##;
    let names = [
        "line_comment",
        "block_comment",
        "doc_comment",
        "in_string",
        "in_raw",
        "own",
        "own_self",
        "own_super",
        "own_nested",
        "own_deep",
        "own_path",
        "assoc",
        "core",
        "field",
        "method",
        "mem",
    ];
    check("src/a.rs", text, &names.map(|name| (name, None)));
}

#[test]
fn a_name_that_use_brought_in_is_no_crate() {
    let text = "use tokio::{time, sync as channel, self};\nuse log;\nuse bytes::bytes;\nuse futures::stream::{self};\n\
                fn f() { time::sleep(1); channel::mpsc(); log::info(); bytes::X; stream::iter(); }\n";
    check(
        "a.rs",
        text,
        &[
            ("tokio", Some(1)),
            ("time", None),
            ("channel", None),
            ("sync", None),
            ("log", Some(2)),
            ("bytes", Some(3)),
            ("futures", Some(4)),
            ("stream", None),
        ],
    );
}

#[test]
fn a_module_of_the_file_is_no_crate_but_what_begins_with_colons_is_one() {
    check("a.rs", "fn f() { config::load(); }\nmod config;\n", &[("config", None)]);
    check("a.rs", "mod config;\nfn f() { ::config::load(); }\n", &[("config", Some(2))]);
    check("a.rs", "use config::Config;\nmod config;\n", &[("config", None)]);
}

#[test]
fn a_name_is_the_files_own_only_where_it_is_declared() {
    let in_block = "fn f() { use tokio::time; time::a(); }\nfn g() { time::b(); }\n";
    check("a.rs", in_block, &[("time", Some(2))]);
    let around_block = "use tokio::time;\nfn f() { { time::a(); } }\n";
    check("a.rs", around_block, &[("time", None)]);
    let around_module = "use tokio::time;\nmod inner { fn f() { time::a(); } }\n";
    check("a.rs", around_module, &[("time", Some(2))]);
    let inside_module = "mod inner { use tokio::time; }\nfn f() { time::a(); }\n";
    check("a.rs", inside_module, &[("time", Some(2))]);
}

#[test]
fn similar_names_are_other_crates() {
    check("a.rs", "use serde_json::Value;\nuse rand_core::RngCore;\n", &[("serde", None), ("rand", None)]);
}

#[test]
fn an_import_near_an_error_is_found() {
    let text = "use before::X;\nfn f( { let = ; broken::call(1) ]\nfn g() {}\nuse after::Y;\n";
    check("a.rs", text, &[("before", Some(1)), ("after", Some(4))]);
}

#[test]
fn tokens_that_only_look_like_paths_are_none() {
    assert_eq!(
        written(Language::Rust, "m!(a: b, c :: d::e, self::f::g, $x::h, <T>::i::j, k::<l>::n);"),
        ["c", "k"]
    );
}
