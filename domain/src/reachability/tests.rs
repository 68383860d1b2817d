use super::{ImportSite, Imports, Reachability};
use crate::component::{Ecosystem, Package};
use crate::limits::{IMPORT_BYTES, IMPORTED_NAMES};
use proptest::prelude::{any, prop, proptest};

const GO: Ecosystem = Ecosystem::Go;
const NPM: Ecosystem = Ecosystem::Npm;
const PYPI: Ecosystem = Ecosystem::PyPi;
const CRATES: Ecosystem = Ecosystem::CratesIo;

fn site(path: &str, line: u32) -> ImportSite {
    ImportSite { path: path.into(), line }
}

fn imports_of(ecosystem: Ecosystem, written: &str) -> Imports {
    let mut imports = Imports::of(&[ecosystem]);
    imports.add(ecosystem, written, &site("a/file", 1));
    imports
}

#[track_caller]
fn check(ecosystem: Ecosystem, written: &str, package: &str, is_imported: bool) {
    let found = imports_of(ecosystem, written).reachability(&Package::new(ecosystem, package));
    assert_eq!(found.is_imported(), Some(is_imported), "`{written}` and {package}");
}

#[test]
fn a_go_module_is_imported_by_its_path_and_by_those_of_its_packages() {
    for (written, module, is_imported) in [
        ("github.com/foo/bar", "github.com/foo/bar", true),
        ("github.com/foo/bar/baz/qux", "github.com/foo/bar", true),
        ("github.com/foo/barbaz", "github.com/foo/bar", false),
        ("github.com/foo/bar-baz", "github.com/foo/bar", false),
        ("github.com/foo", "github.com/foo/bar", false),
        ("github.com/Foo/bar", "github.com/foo/bar", false),
        ("gopkg.in/yaml.v3", "gopkg.in/yaml.v2", false),
    ] {
        check(GO, written, module, is_imported);
    }
}

#[test]
fn a_major_version_of_a_go_module_is_another_module() {
    for (written, module, is_imported) in [
        ("github.com/foo/bar/v2", "github.com/foo/bar", false),
        ("github.com/foo/bar/v2/baz", "github.com/foo/bar", false),
        ("github.com/foo/bar/v10/baz", "github.com/foo/bar", false),
        ("github.com/foo/bar/v2/baz", "github.com/foo/bar/v2", true),
        ("github.com/foo/bar", "github.com/foo/bar/v2", false),
        // Folders, not major versions.
        ("k8s.io/api/apps/v1", "k8s.io/api", true),
        ("k8s.io/api/v1", "k8s.io/api", true),
        ("example.com/foo/v2ray", "example.com/foo", true),
        ("example.com/foo/v", "example.com/foo", true),
        ("example.com/foo/v02", "example.com/foo", true),
    ] {
        check(GO, written, module, is_imported);
    }
}

#[test]
fn the_standard_library_of_go_is_no_module() {
    for written in ["errors", "net/http", "C", "./local", "../local.d"] {
        assert_eq!(imports_of(GO, written), Imports::of(&[GO]), "{written}");
    }
    for name in ["stdlib", "toolchain"] {
        let found = imports_of(GO, "net/http").reachability(&Package::new(GO, name));
        assert_eq!(found, Reachability::Unknown, "{name}");
    }
}

#[test]
fn an_npm_package_is_imported_by_its_name_and_by_its_files() {
    for (written, package, is_imported) in [
        ("lodash", "lodash", true),
        ("lodash/fp", "lodash", true),
        ("lodash/", "lodash", true),
        ("lodash-es", "lodash", false),
        ("lodash.merge", "lodash", false),
        ("lodash", "lodash-es", false),
        ("@babel/core", "@babel/core", true),
        ("@babel/core/lib/index.js", "@babel/core", true),
        ("@babel/core", "core", false),
        ("@babel/core-extra", "@babel/core", false),
        ("@other/core", "@babel/core", false),
        ("JSONStream", "JSONStream", true),
        ("./lodash", "lodash", false),
        ("../lodash", "lodash", false),
        ("/lodash", "lodash", false),
        ("#lodash", "lodash", false),
        ("@/lodash", "lodash", false),
        ("~lodash", "lodash", false),
        ("https://esm.sh/lodash", "lodash", false),
        ("node:lodash", "lodash", false),
        ("@babel", "@babel", false),
    ] {
        check(NPM, written, package, is_imported);
    }
}

#[test]
fn what_node_brings_itself_is_no_package_unless_a_file_of_it_is_meant() {
    for (written, package, is_imported) in [
        ("fs", "fs", false),
        ("node:fs", "fs", false),
        ("fs/promises", "fs", false),
        ("events", "events", false),
        ("events/", "events", true),
        ("process/browser", "process", true),
        ("string_decoder/", "string_decoder", true),
        // With `node:` alone it is Node's.
        ("test", "test", true),
    ] {
        check(NPM, written, package, is_imported);
    }
}

#[test]
fn a_python_distribution_is_imported_by_the_name_of_its_module() {
    for (written, distribution, is_imported) in [
        ("requests", "requests", true),
        ("requests.adapters", "requests", true),
        ("requests_oauthlib", "requests", false),
        ("requests", "requests-oauthlib", false),
        ("requests_oauthlib.x", "Requests_OAuthlib", true),
        ("Flask", "flask", true),
        ("flask", "Flask", true),
        ("flask.json", "flask-json", false),
        ("typing_extensions", "typing.extensions", true),
        (".requests", "requests", false),
        ("..requests.adapters", "requests", false),
        ("slugify", "python-slugify", true),
    ] {
        check(PYPI, written, distribution, is_imported);
    }
}

#[test]
fn modules_that_are_named_otherwise_are_known() {
    for (written, distribution) in [
        ("PIL.Image", "Pillow"),
        ("cv2", "opencv-python"),
        ("cv2", "opencv-python-headless"),
        ("sklearn.svm", "scikit-learn"),
        ("bs4.BeautifulSoup", "beautifulsoup4"),
        ("yaml", "PyYAML"),
        ("dateutil.parser", "python-dateutil"),
        ("dotenv.load_dotenv", "python-dotenv"),
        ("jwt", "PyJWT"),
        ("Crypto.Cipher.AES", "pycryptodome"),
        ("Crypto.Cipher.AES", "pycrypto"),
        ("OpenSSL", "pyOpenSSL"),
        ("attr", "attrs"),
        ("attrs.define", "attrs"),
        ("MySQLdb", "mysqlclient"),
        ("git.Repo", "GitPython"),
        ("jose.jwt", "python-jose"),
        ("pkg_resources", "setuptools"),
    ] {
        check(PYPI, written, distribution, true);
    }
    check(PYPI, "yaml", "pillow", false);
    check(PYPI, "pillow", "pillow", false);
}

#[test]
fn packages_that_distributions_share_are_told_apart() {
    for (written, distribution, is_imported) in [
        ("google.protobuf", "protobuf", true),
        ("google.protobuf.message", "protobuf", true),
        ("google.protobuf2", "protobuf", false),
        ("google.cloud.storage.Client", "google-cloud-storage", true),
        ("google.cloud.storage", "protobuf", false),
        ("google.cloud.secretmanager", "google-cloud-secret-manager", true),
        ("google.api_core.retry", "google-api-core", true),
        ("google.oauth2.service_account", "google-auth", true),
        ("google.cloud.bigquery", "google-cloud-storage", false),
        ("google", "google-cloud-storage", false),
        ("azure.storage.blob", "azure-storage-blob", true),
        ("azure.storage.queue", "azure-storage-blob", false),
        ("ruamel.yaml", "ruamel.yaml", true),
        ("ruamel.yaml", "PyYAML", false),
        ("zope.interface", "zope.interface", true),
        ("mysql.connector", "mysql-connector-python", true),
        ("airflow.models", "apache-airflow", true),
        ("airflow.providers.amazon.hooks", "apache-airflow-providers-amazon", true),
        ("airflow.models", "apache-airflow-providers-amazon", false),
    ] {
        check(PYPI, written, distribution, is_imported);
    }
}

#[test]
fn the_standard_library_of_python_is_no_distribution() {
    for written in ["json", "typing.List", "dataclasses", "__future__.annotations", "cProfile", ""] {
        assert_eq!(imports_of(PYPI, written), Imports::of(&[PYPI]), "{written}");
    }
    check(PYPI, "dataclasses", "dataclasses", false);
    check(PYPI, "enum", "enum34", false);
}

#[test]
fn a_crate_is_imported_by_the_name_of_its_library() {
    for (written, name, is_imported) in [
        ("serde_json", "serde_json", true),
        ("serde_json", "serde-json", true),
        ("rand_core", "rand-core", true),
        ("serde", "serde_json", false),
        ("serde_json", "serde", false),
        ("Serde", "serde", false),
        ("r#try", "try", true),
        ("md5", "md-5", true),
        ("xml", "xml-rs", true),
        ("std", "std", false),
        ("core", "core", false),
        ("crate", "crate", false),
        ("self", "self", false),
        ("super", "super", false),
        ("Self", "Self", false),
    ] {
        check(CRATES, written, name, is_imported);
    }
}

#[test]
fn an_ecosystem_that_nobody_reads_is_unknown() {
    let imports = imports_of(GO, "github.com/foo/bar");
    let found = imports.reachability(&Package::new(NPM, "lodash"));
    assert_eq!((found.is_imported(), found), (None, Reachability::Unknown));
}

#[test]
fn a_package_of_one_ecosystem_is_not_imported_by_another() {
    let mut imports = Imports::of(&[NPM, PYPI]);
    imports.add(NPM, "requests", &site("a.js", 1));
    assert_eq!(imports.reachability(&Package::new(PYPI, "requests")), Reachability::NotImported);
    assert_eq!(imports.reachability(&Package::new(NPM, "requests")).is_imported(), Some(true));
}

#[test]
fn the_first_place_is_told_whatever_the_order() {
    let mut places =
        vec![("b.go", 1, "x.y/z"), ("a.go", 9, "x.y/z/deep"), ("a.go", 3, "x.y/z/b"), ("c.go", 2, "x.y/z")];
    for _ in 0..places.len() {
        places.rotate_left(1);
        let mut imports = Imports::of(&[GO]);
        for (path, line, written) in &places {
            imports.add(GO, written, &site(path, *line));
        }
        let found = imports.reachability(&Package::new(GO, "x.y/z"));
        assert_eq!(found, Reachability::Imported(site("a.go", 3)));
    }
}

#[test]
fn what_is_not_found_is_unknown_once_a_file_was_left_out() {
    let mut imports = Imports::of(&[GO, NPM]);
    imports.add(NPM, "lodash", &site("a.js", 1));
    imports.leave_out(&[NPM], "big.js".to_owned(), "too big".to_owned());
    assert_eq!(imports.reachability(&Package::new(NPM, "lodash")).is_imported(), Some(true));
    assert_eq!(imports.reachability(&Package::new(NPM, "react")), Reachability::Unknown);
    assert_eq!(imports.reachability(&Package::new(GO, "x.y/z")), Reachability::NotImported);
    assert_eq!(imports.left_out(), [("big.js".to_owned(), "too big".to_owned())]);
}

#[test]
fn a_name_as_long_as_allowed_is_kept_and_a_longer_one_is_none() {
    let longest = "a".repeat(IMPORT_BYTES);
    check(NPM, &longest, &longest, true);
    let longer = "a".repeat(IMPORT_BYTES + 1);
    check(NPM, &longer, &longer, false);
}

#[test]
fn names_are_kept_up_to_the_limit_and_then_nothing_is_certain() {
    let mut imports = Imports::of(&[NPM]);
    for number in 0..IMPORTED_NAMES {
        imports.add(NPM, &format!("p{number}"), &site("a.js", 1));
    }
    imports.add(NPM, "p0/again", &site("a.js", 2));
    let other = Package::new(NPM, "other");
    assert_eq!(imports.reachability(&other), Reachability::NotImported);
    imports.add(NPM, "other", &site("a.js", 3));
    assert_eq!(imports.reachability(&other), Reachability::Unknown);
    assert_eq!(imports.reachability(&Package::new(NPM, "p0")), Reachability::Imported(site("a.js", 1)));
}

proptest! {
    #[test]
    fn any_text_is_a_name_or_none(
        names in prop::collection::vec("[@~#.:/a-zA-Z0-9_\\-é\\s]{0,20}|\\PC{0,20}", 0..10),
        wanted in "\\PC{0,20}",
        which in any::<prop::sample::Index>(),
    ) {
        let ecosystem = Ecosystem::ALL[which.index(Ecosystem::ALL.len())];
        let mut imports = Imports::of(&Ecosystem::ALL);
        for name in &names {
            imports.add(ecosystem, name, &site("a", 1));
        }
        imports.reachability(&Package::new(ecosystem, &wanted));
    }
}
