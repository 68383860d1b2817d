//! What edits change, and what they leave alone.

use super::{Manifest, edit, manifests_of};
use crate::component::{Ecosystem, Package};
use proptest::prelude::{prop_assert, proptest};

fn npm(name: &str) -> Package {
    Package::new(Ecosystem::Npm, name)
}

fn pypi(name: &str) -> Package {
    Package::new(Ecosystem::PyPi, name)
}

#[test]
fn a_lockfile_has_its_manifest_beside_it() {
    for (ecosystem, path, manifest) in [
        (Ecosystem::Npm, "package-lock.json", Some((Manifest::PackageJson, "package.json"))),
        (Ecosystem::Npm, "web/app/yarn.lock", Some((Manifest::PackageJson, "web/app/package.json"))),
        (Ecosystem::Go, "svc/go.sum", Some((Manifest::GoMod, "svc/go.mod"))),
        (Ecosystem::PyPi, "req/dev.txt", Some((Manifest::Requirements, "req/dev.txt"))),
        (Ecosystem::PyPi, "poetry.lock", Some((Manifest::PyProject, "pyproject.toml"))),
        (Ecosystem::CratesIo, "Cargo.lock", None),
    ] {
        let found = manifests_of(ecosystem, path).into_iter().next();
        assert_eq!(found, manifest.map(|(kind, path)| (kind, path.to_owned())), "{path}");
    }
}

#[test]
fn package_json_keeps_everything_but_the_version() {
    let before = "{\n\t\"name\": \"lodash\",\r\n  \"lodash\": \"1.0.0\",\n  \"dependencies\": {\"a\": \"1.0.0\", \
                  \"lodash\" : \"^4.17.20\"},\n  \"devDependencies\": { \"lodash\": \"4.17.20\" },\n  \"x\": \
                  {\"dependencies\": {\"lodash\": \"1.0.0\"}}, \"y\": [\"lodash\", {\"lodash\": \"1\"}]\n}\n";
    let after = before.replace("\"^4.17.20\"", "\"^4.17.21\"").replace("\"4.17.20\"", "\"4.17.21\"");
    assert_eq!(edit(Manifest::PackageJson, before, &npm("lodash"), "4.17.21"), Some(after));
    let scoped = r#"{"dependencies":{"@a/b":"~1.0"}}"#;
    let moved = r#"{"dependencies":{"@a/b":"~1.2.3"}}"#;
    assert_eq!(edit(Manifest::PackageJson, scoped, &npm("@a/b"), "1.2.3").as_deref(), Some(moved));
}

#[test]
fn package_json_is_left_alone_where_the_version_is_no_version() {
    for range in
        ["1 || 2", ">=1 <2", "*", "1.x", "latest", "git+https://x/y", "workspace:^", "npm:b@1.0.0", ""]
    {
        let content = format!(r#"{{"dependencies":{{"a":"{range}"}}}}"#);
        assert_eq!(edit(Manifest::PackageJson, &content, &npm("a"), "2.0.0"), None, "{range}");
    }
    for broken in ["", "{", r#"{"dependencies":{"a":"1.0.0"}"#] {
        assert_eq!(edit(Manifest::PackageJson, broken, &npm("a"), "2.0.0"), None, "{broken}");
    }
    let there = r#"{"dependencies":{"a":"2.0.0"}}"#;
    assert_eq!(edit(Manifest::PackageJson, there, &npm("a"), "2.0.0"), None);
}

#[test]
fn go_mod_keeps_everything_but_the_required_version() {
    let before = "module example.org/x\n\ngo 1.21\n\nrequire example.org/a v1.0.0 // why v1.0.0\n\nrequire (\n\t\
                  example.org/b v1.0.0\n\texample.org/a v1.0.0 // indirect\n)\n\nreplace (\n\texample.org/a v1.0.0 \
                  => ../a\n)\nexclude example.org/a v1.0.0\n";
    let package = Package::new(Ecosystem::Go, "example.org/a");
    let after = before.replacen("example.org/a v1.0.0 //", "example.org/a v1.2.0 //", 1).replacen(
        "\texample.org/a v1.0.0 // indirect",
        "\texample.org/a v1.2.0 // indirect",
        1,
    );
    assert_eq!(edit(Manifest::GoMod, before, &package, "1.2.0"), Some(after.clone()));
    assert_eq!(edit(Manifest::GoMod, before, &package, "v1.2.0"), Some(after));
    let other = Package::new(Ecosystem::Go, "example.org/c");
    assert_eq!(edit(Manifest::GoMod, before, &other, "1.2.0"), None);
}

#[test]
fn requirements_keep_extras_markers_and_comments() {
    for (before, after) in [
        ("Django==2.0\n", "Django==2.2.1\n"),
        (
            "# Django==2.0\r\ndjango[argon2] >= 2.0 ; python_version > \"3\"  # why\r\n",
            "# Django==2.0\r\ndjango[argon2] >= 2.2.1 ; python_version > \"3\"  # why\r\n",
        ),
        ("a==1\ndjango~=2.0", "a==1\ndjango~=2.2.1"),
    ] {
        let edited = edit(Manifest::Requirements, before, &pypi("django"), "2.2.1");
        assert_eq!(edited.as_deref(), Some(after), "{before}");
    }
    for left in [
        "django\n",
        "django>=2.0,<3\n",
        "django @ https://x\n",
        "-e django==2.0\n",
        "django-x==2.0\n",
        "django==2.0 --hash=sha256:00\n",
        "django==2.0 \\\n    --hash=sha256:00\n",
        "django==2.*\n",
    ] {
        assert_eq!(edit(Manifest::Requirements, left, &pypi("django"), "2.2.1"), None, "{left}");
    }
}

#[test]
fn pyproject_is_edited_where_it_names_dependencies() {
    let before = "[project]\nname = \"django\"\ndependencies = [\n  \"django>=2.0\", # \"django>=2.0\"\n  'a==1',\n]\n\
                  [project.optional-dependencies]\nx = [\"Django[x]==2.0\"]\n[tool.other]\ny = [\"django==2.0\"]\n";
    let after = before.replacen("\"django>=2.0\",", "\"django>=2.2.1\",", 1).replacen(
        "Django[x]==2.0",
        "Django[x]==2.2.1",
        1,
    );
    assert_eq!(edit(Manifest::PyProject, before, &pypi("django"), "2.2.1"), Some(after));
    let before = "[tool.poetry.dependencies]\npython = \"^3.9\"\ndjango = \"^2.0\"\n[tool.poetry.group.dev.dependencies]\n\
                  Django = { extras = [\"x\"], version = \"2.0\" }\n[tool.poetry.scripts]\ndjango = \"2.0\"\n";
    let after = before.replacen("django = \"^2.0\"", "django = \"^2.2.1\"", 1).replacen(
        "version = \"2.0\"",
        "version = \"2.2.1\"",
        1,
    );
    assert_eq!(edit(Manifest::PyProject, before, &pypi("django"), "2.2.1"), Some(after));
}

proptest! {
    #[test]
    fn no_text_makes_an_edit_panic(text in "\\PC{0,80}", quoted in "[a\"'\\[\\]{}:,=#\\\\ 1.\n]{0,60}") {
        for manifest in [Manifest::PackageJson, Manifest::GoMod, Manifest::Requirements, Manifest::PyProject] {
            for content in [&text, &quoted, &format!("[project]\n{quoted}"), &format!("{{\"a\":{quoted}}}")] {
                if let Some(edited) = edit(manifest, content, &pypi("a"), "2.0.0") {
                    prop_assert!(edited.contains("2.0.0"));
                }
            }
        }
    }
}
