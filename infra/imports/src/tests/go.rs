use super::{check, written};
use crate::language::Language;

#[test]
fn every_form_of_import_is_found() {
    let text = r#"// Package main serves.
package main

import "github.com/single/one"
import named "github.com/single/named"

import (
	"context"
	"net/http"

	alias "github.com/grouped/alias/v3/sub"
	. "github.com/grouped/dot"
	_ "github.com/grouped/blank/driver" // registers itself
	`github.com/grouped/raw`
); import "github.com/after/semicolon"

import "C"

func main() { http.ListenAndServe(":8080", nil) }
"#;
    check(
        "cmd/main.go",
        text,
        &[
            ("github.com/single/one", Some(4)),
            ("github.com/single/named", Some(5)),
            ("github.com/grouped/alias/v3", Some(11)),
            ("github.com/grouped/alias", None),
            ("github.com/grouped/dot", Some(12)),
            ("github.com/grouped/blank", Some(13)),
            ("github.com/grouped/raw", Some(14)),
            ("github.com/after/semicolon", Some(15)),
        ],
    );
}

#[test]
fn comments_strings_and_similar_names_are_no_imports() {
    let text = r#"package main

// import "github.com/in/comment"
/*
import "github.com/in/block"
*/
import (
	// "github.com/in/group"
	"github.com/foo/barbaz"
	"./relative"
)

const text = "import \"github.com/in/text\""
const raw = `
import "github.com/in/raw"
`

func f(x string) { f("github.com/in/call") }
"#;
    check(
        "a.go",
        text,
        &[
            ("github.com/in/comment", None),
            ("github.com/in/block", None),
            ("github.com/in/group", None),
            ("github.com/in/text", None),
            ("github.com/in/raw", None),
            ("github.com/in/call", None),
            ("github.com/foo/bar", None),
            ("github.com/foo/barbaz", Some(9)),
        ],
    );
}

#[test]
fn imports_before_a_broken_declaration_are_found() {
    let text = "package main\nimport \"github.com/foo/bar\"\nfunc f( {\n if x := ; }\n";
    check("a.go", text, &[("github.com/foo/bar", Some(2))]);
}

#[test]
fn an_empty_or_escaped_path_is_none() {
    assert_eq!(written(Language::Go, "package a\nimport (\"\"; \"a.b/\\x63\"; \"a.b/d\")\n"), ["a.b/d"]);
}
