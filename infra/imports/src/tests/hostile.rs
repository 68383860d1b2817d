//! Text that is written to break or to stop a reader.

use super::{Free, LANGUAGES, in_memory, written};
use crate::TreeSitterImports;
use crate::language::Language;
use crate::parse::parse;
use proptest::prelude::{Strategy, any, prop, prop_oneof, proptest};
use scanledger_domain::component::{Ecosystem, Package};
use scanledger_domain::limits::{IMPORT_FILE_BYTES, IMPORT_FILE_TIME};
use scanledger_domain::reachability::{ImportReader, Imports, Reachability};
use std::time::{Duration, Instant};
use tree_sitter::Parser;

/// A parser looks at the clock after a hundred steps, and ends after one more; each can take a while, and tests run
/// beside others.
const SLACK: Duration = Duration::from_secs(10);

fn ending(language: Language) -> &'static str {
    match language {
        Language::Go => "go",
        Language::JavaScript => "js",
        Language::Python => "py",
        Language::Rust => "rs",
        Language::Tsx => "tsx",
        Language::TypeScript => "ts",
    }
}

/// `part` again and again, as long as a file may be.
fn filled(part: &str) -> String {
    part.repeat(usize::try_from(IMPORT_FILE_BYTES).unwrap() / part.len())
}

/// How long a file may take in these tests.
const TIME: Duration = Duration::from_millis(300);

/// What is imported in a file of `text`, read within `time`; checks that it took no longer.
#[track_caller]
fn read_in_time(language: Language, text: &str, time: Duration) -> Imports {
    let path = format!("a.{}", ending(language));
    let tree = in_memory([(path.as_str(), text.as_bytes())]);
    let begun = Instant::now();
    let reader = TreeSitterImports { file_time: time, ..TreeSitterImports::new() };
    let imports = reader.imports(&tree, &Free).unwrap();
    let took = begun.elapsed();
    assert!(took < time + SLACK, "{took:?} for {language:?} {:?}", &text[..text.len().min(20)]);
    imports
}

#[track_caller]
fn ends_in_time(language: Language, text: &str) {
    let imports = read_in_time(language, text, TIME);
    let expected =
        if imports.left_out().is_empty() { Reachability::NotImported } else { Reachability::Unknown };
    assert_eq!(imports.reachability(&Package::new(language.ecosystem(), "example.com/none")), expected);
}

#[track_caller]
fn is_given_up(language: Language, text: &str, time: Duration) {
    let imports = read_in_time(language, text, time);
    let reasons: Vec<_> = imports.left_out().iter().map(|(_, reason)| reason.as_str()).collect();
    assert_eq!(reasons, ["reading its imports took too long"]);
    let package = Package::new(language.ecosystem(), "example.com/none");
    assert_eq!(imports.reachability(&package), Reachability::Unknown);
}

/// Each of these takes a parser without a clock more than a minute.
#[test]
fn text_that_takes_time_with_the_square_of_its_length_is_given_up() {
    is_given_up(Language::Python, &filled("\\\n"), IMPORT_FILE_TIME);
    for (language, part) in
        [(Language::JavaScript, "a\n/*"), (Language::Go, "a\n/*"), (Language::JavaScript, "lambda x:")]
    {
        is_given_up(language, &filled(part), TIME);
    }
}

#[test]
fn deep_nesting_ends_in_time() {
    for (language, part) in [
        (Language::Go, "func("),
        (Language::Python, "["),
        (Language::Rust, "mod a{"),
        (Language::Rust, "use a::{"),
        (Language::Rust, "{use a::b;b::c;"),
        (Language::Rust, "m!("),
        (Language::JavaScript, "`${"),
        (Language::JavaScript, "require("),
        (Language::TypeScript, "a<"),
        (Language::Tsx, "<a>"),
    ] {
        ends_in_time(language, &filled(part));
    }
}

#[test]
fn long_lines_end_in_time() {
    for (language, part) in [
        (Language::Go, "import \"a.b/c\";"),
        (Language::Python, "import a.b,c;"),
        (Language::Python, "from a import b,c;"),
        (Language::Rust, "use a::b;"),
        (Language::Rust, "a::"),
        (Language::JavaScript, "require('a');"),
        (Language::JavaScript, "\""),
        (Language::TypeScript, "import 'a';"),
        (Language::Tsx, "a?"),
    ] {
        ends_in_time(language, &filled(part));
    }
}

/// Else a file could not be read because of the one before it.
#[test]
fn a_parser_that_gave_up_reads_the_next_text_from_its_beginning() {
    let mut parser = Parser::new();
    parser.set_language(&Language::Python.grammar()).unwrap();
    assert!(parse(&mut parser, filled("\\\n").as_bytes(), Duration::from_millis(50)).is_none());
    let tree = parse(&mut parser, b"import yaml", Duration::from_secs(60)).unwrap();
    assert_eq!(tree.root_node().to_sexp(), "(module (import_statement name: (dotted_name (identifier))))");
}

/// Only what the reader tells after a deep tree shows that it went through all of it.
#[test]
fn an_import_within_deep_nesting_is_found() {
    let depth = 20_000;
    let nested = format!("{}require('lodash'){};", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(written(Language::JavaScript, &nested), ["lodash"]);
    let nested = format!("fn f() {}serde_json::f(){}", "{".repeat(depth), "}".repeat(depth));
    assert_eq!(written(Language::Rust, &nested), ["serde_json"]);
    let nested = format!("use {}tokio::time{};", "{".repeat(depth), "}".repeat(depth));
    assert_eq!(written(Language::Rust, &nested), ["tokio"]);
}

/// Words and signs that imports are made of.
fn fragments() -> impl Strategy<Value = String> {
    let fragment = prop::sample::select(vec![
        "import",
        "from",
        "use",
        "extern crate",
        "require",
        "export",
        "as",
        "mod",
        "self",
        "crate",
        "super",
        "type",
        "a",
        "b",
        "r#a",
        "'x'",
        "\"y.z/w\"",
        "`",
        "${",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        "<",
        ">",
        "::",
        ":",
        ".",
        "..",
        ",",
        ";",
        "*",
        "=",
        "=>",
        "!",
        "#",
        "$",
        "@",
        "\\",
        "/",
        "//",
        "/*",
        "*/",
        "\"",
        "'",
        "\n",
        "    ",
        "\t",
        "é",
        "\u{2028}",
        "\0",
        "fn f()",
        "def f():",
        "if x:",
        "package p",
        "func f()",
        "<a/>",
        "impl",
        "m!",
    ]);
    prop::collection::vec(fragment, 0..80).prop_map(|fragments| fragments.join(" "))
}

proptest! {
    #[test]
    fn any_bytes_are_read(
        bytes in prop_oneof![
            fragments().prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..300),
            "\\PC{0,200}".prop_map(String::into_bytes),
        ],
        which in any::<prop::sample::Index>(),
    ) {
        let language = LANGUAGES[which.index(LANGUAGES.len())];
        let path = format!("a.{}", ending(language));
        let imports = TreeSitterImports::new().imports(&in_memory([(path.as_str(), &bytes[..])]), &Free).unwrap();
        assert_eq!(imports.left_out(), []);
        imports.reachability(&Package::new(Ecosystem::Npm, "a"));
    }
}
