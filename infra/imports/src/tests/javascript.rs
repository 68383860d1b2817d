use super::{check, written};
use crate::language::Language;

const MODULE: &str = r#"'use strict';
import dflt from 'default-import';
import { a, b as c } from "named-import";
import * as ns from 'namespace-import';
import both, { d } from '@scope/both/deep/file.js';
import 'side-effect/style.css';
export * from 'star-export';
export * as all from 'star-as-export';
export { e, f as g } from "named-export";
import
  {
    h,
  }
  from 'over-lines';
const lazy = await import('dynamic-import');
const template = () => import(`template-import`);
const req = require('plain-require'), { i } = require("destructured-require/lib");
const noted = require(/* webpackMode: "lazy" */ 'commented-require');
function load() { try { return require('nested-require'); } catch { return null; } }
if (x) require?.('optional-require');
import data from 'with-attributes' with { type: 'json' };
"#;

#[test]
fn every_form_of_import_is_found_in_modules_of_each_ending() {
    for ending in ["js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts"] {
        check(
            &format!("src/index.{ending}"),
            MODULE,
            &[
                ("default-import", Some(2)),
                ("named-import", Some(3)),
                ("namespace-import", Some(4)),
                ("@scope/both", Some(5)),
                ("side-effect", Some(6)),
                ("star-export", Some(7)),
                ("star-as-export", Some(8)),
                ("named-export", Some(9)),
                ("over-lines", Some(14)),
                ("dynamic-import", Some(15)),
                ("template-import", Some(16)),
                ("plain-require", Some(17)),
                ("destructured-require", Some(17)),
                ("commented-require", Some(18)),
                ("nested-require", Some(19)),
                ("optional-require", Some(20)),
                ("with-attributes", Some(21)),
            ],
        );
    }
}

#[test]
fn forms_of_typescript_are_found() {
    let text = r#"import type { Config } from 'type-import';
import { type Options, run } from 'inline-type-import';
import legacy = require('import-equals');
export import again = require('export-import-equals');
export type { Result } from 'type-export';
type Lazy = import('type-query').Client;
type Module = typeof import('typeof-import');
declare module 'declared' { export * from 'inside-declared'; }
enum E { A }
function id<T>(x: T): T { return <any>x; }
import Alias = Namespace.Member;
"#;
    check(
        "src/a.ts",
        text,
        &[
            ("type-import", Some(1)),
            ("inline-type-import", Some(2)),
            ("import-equals", Some(3)),
            ("export-import-equals", Some(4)),
            ("type-export", Some(5)),
            ("type-query", Some(6)),
            ("typeof-import", Some(7)),
            ("inside-declared", Some(8)),
            ("declared", None),
        ],
    );
}

#[test]
fn components_are_read_with_their_tags() {
    let text = r#"import React from 'react';
const Page = () => (
  <div title="import 'in-attribute'" icon={require('in-expression')}>
    import 'in-text' from here; don't {import('in-child')}
  </div>
);
export default Page;
"#;
    for path in ["a.jsx", "a.js", "a.tsx"] {
        check(
            path,
            text,
            &[
                ("react", Some(1)),
                ("in-attribute", None),
                ("in-expression", Some(3)),
                ("in-text", None),
                ("in-child", Some(4)),
            ],
        );
    }
}

#[test]
fn types_of_flow_do_not_hide_imports() {
    let text = "// @flow\nimport type { A } from 'flow-type';\nimport typeof B from 'flow-typeof';\n\
                import C, { type D } from 'flow-inline';\nexport function f(x: ?string): void {}\nrequire('after');\n";
    check(
        "a.js",
        text,
        &[("flow-type", Some(2)), ("flow-typeof", Some(3)), ("flow-inline", Some(4)), ("after", Some(6))],
    );
}

#[test]
fn comments_strings_and_computed_names_are_no_imports() {
    let text = r#"#!/usr/bin/env node
// import a from 'line-comment';
/* const b = require('block-comment'); */
/** @type {import('doc-comment').Type} */
const s = "import c from 'in-string'";
const t = `require('in-template')`;
const u = /require('in-regex')/;
require('computed' + name); require(name); require(`computed${name}`); import('computed/' + name);
module.requires('other-function'); loader.require('method'); myrequire('own-function');
const o = { require: 'property', 'import': 'quoted' };
require`tagged`;
export default 'exported-text';
export const from = 'constant';
"#;
    let names = [
        "line-comment",
        "block-comment",
        "doc-comment",
        "in-string",
        "in-template",
        "in-regex",
        "computed",
        "other-function",
        "method",
        "own-function",
        "property",
        "quoted",
        "tagged",
        "exported-text",
        "constant",
    ];
    for path in ["a.js", "a.ts", "a.tsx"] {
        check(path, text, &names.map(|name| (name, None)));
    }
}

#[test]
fn similar_names_are_other_packages() {
    let text = "import a from 'lodash-es';\nimport b from './lodash';\nimport c from '../react';\n\
                import d from '@other/core';\nimport e from 'lodash.merge';\n";
    check(
        "a.mjs",
        text,
        &[
            ("lodash", None),
            ("react", None),
            ("@babel/core", None),
            ("lodash-es", Some(1)),
            ("lodash.merge", Some(5)),
        ],
    );
}

#[test]
fn what_comes_with_node_is_no_package() {
    let text = "import fs from 'fs';\nimport path from 'node:path';\nimport events from 'events/';\n";
    check("a.mjs", text, &[("fs", None), ("path", None), ("events", Some(3))]);
}

#[test]
fn an_import_after_an_error_is_found() {
    let text = "import a from 'before';\nfunction ( { ]\nconst b = require('after');\n";
    check("a.js", text, &[("before", Some(1)), ("after", Some(3))]);
}

#[test]
fn an_empty_or_escaped_name_is_none() {
    let text = "import ''; require(\"\"); require('\\x61'); require(``); require(); require('a')";
    assert_eq!(written(Language::JavaScript, text), ["a"]);
}
