//! What the path of a file says about a secret in it.

/// Folders that hold tests, whatever the case.
const TEST_FOLDERS: [&str; 14] = [
    "test",
    "tests",
    "testing",
    "testdata",
    "test-data",
    "test_data",
    "__tests__",
    "__mocks__",
    "__fixtures__",
    "fixtures",
    "spec",
    "specs",
    "e2e",
    "mocks",
];

/// Names of files that are made to hold secrets, in lower case.
const SENSITIVE_NAMES: [&str; 25] = [
    ".env",
    ".envrc",
    ".npmrc",
    ".pypirc",
    ".netrc",
    "_netrc",
    ".git-credentials",
    ".dockercfg",
    ".dockerconfigjson",
    ".htpasswd",
    ".pgpass",
    ".my.cnf",
    ".s3cfg",
    ".vault-token",
    ".boto",
    "credentials",
    "credentials.json",
    "credentials.yml",
    "credentials.yaml",
    "secrets.json",
    "secrets.toml",
    "secrets.yml",
    "secrets.yaml",
    "kubeconfig",
    "wp-config.php",
];

/// Names of private keys as `ssh-keygen` writes them.
const SSH_KEYS: [&str; 5] = ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ed25519_sk"];

/// Endings of files that hold keys or the state of what keys were used for, in lower case.
const SENSITIVE_ENDINGS: [&str; 13] = [
    "asc", "jks", "kdbx", "key", "keystore", "p12", "p8", "pem", "pfx", "pkcs12", "ppk", "tfstate", "tfvars",
];

/// Folders with the one file in them that holds secrets, in lower case.
const SENSITIVE_PLACES: [(&str, &str); 3] =
    [(".docker", "config.json"), (".kube", "config"), (".aws", "config")];

/// What an example of a file is called, behind its name.
const EXAMPLES: [&str; 6] = ["example", "sample", "template", "dist", "tmpl", "defaults"];

/// Whether a file belongs to tests: by a folder it is in, or by its name as test runners look for it.
pub fn is_test_file(path: &str) -> bool {
    let mut segments = path.split(['/', '\\']);
    let name = segments.next_back().unwrap_or_default();
    segments.any(|folder| TEST_FOLDERS.iter().any(|known| folder.eq_ignore_ascii_case(known)))
        || has_name_of_a_test(name)
}

fn has_name_of_a_test(name: &str) -> bool {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    if stem.is_empty() || ending.is_empty() {
        return false;
    }
    let lower = stem.to_ascii_lowercase();
    // `UserTest.java`, `UserTests.cs`, `UserSpec.scala`; `Latest.java` is no test.
    let is_of_a_class = ["Test", "Tests", "TestCase", "Spec"].iter().any(|word| {
        stem.strip_suffix(word).is_some_and(|rest| {
            rest.is_empty() || rest.ends_with(|before: char| before.is_ascii_alphanumeric() || before == '_')
        })
    });
    lower == "conftest"
        || lower.starts_with("test_")
        || ["_test", "_tests", "_spec", ".test", ".tests", ".spec", "-test", "-spec"]
            .iter()
            .any(|end| lower.ends_with(end))
        || is_of_a_class
}

/// Whether a file is made to hold secrets, so that one in it is no accident of code. Examples of such files are not.
pub fn is_sensitive_file(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let mut segments = lower.rsplit(['/', '\\']);
    let name = segments.next().unwrap_or_default();
    let folder = segments.next().unwrap_or_default();
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    if EXAMPLES.contains(&ending) {
        return false;
    }
    SENSITIVE_NAMES.contains(&name)
        || name.starts_with(".env.")
        || SSH_KEYS.contains(&name)
        || (!stem.is_empty() && SENSITIVE_ENDINGS.contains(&ending))
        || name.ends_with(".tfstate.backup")
        || SENSITIVE_PLACES.contains(&(folder, name))
}

#[cfg(test)]
mod tests {
    use super::{is_sensitive_file, is_test_file};

    #[test]
    fn tests_are_told_by_folder_and_by_name() {
        let tests = [
            "tests/login.py",
            "a/Test/b.c",
            "src/__tests__/a.js",
            "pkg\\testdata\\key.txt",
            "test_login.py",
            "a/login_test.go",
            "login.spec.ts",
            "login.test.tsx",
            "LoginTest.java",
            "LoginTests.cs",
            "login_spec.rb",
            "conftest.py",
            "spec/a.rb",
        ];
        for path in tests {
            assert!(is_test_file(path), "{path}");
        }
        let others = [
            "",
            "test",
            "src/latest.js",
            "Latest.java",
            "contest.py",
            "src/attest/key.go",
            "testimony.md",
            ".test",
            "greatest/hits.py",
            "special.ts",
        ];
        for path in others {
            assert!(!is_test_file(path), "{path}");
        }
    }

    #[test]
    fn files_made_for_secrets_are_told_by_name() {
        let sensitive = [
            ".env",
            "app/.env.production",
            "deploy/.NPMRC",
            ".aws/credentials",
            ".kube/config",
            "home\\.docker\\config.json",
            "keys/server.pem",
            "keys/Server.KEY",
            "id_rsa",
            "terraform/prod.tfvars",
            "terraform.tfstate.backup",
            "config/secrets.yml",
        ];
        for path in sensitive {
            assert!(is_sensitive_file(path), "{path}");
        }
        let others = [
            "",
            ".env.example",
            "secrets.yml.dist",
            "src/env.ts",
            "config.json",
            "kube/config",
            "id_rsa.pub",
            "monkey.py",
            ".pem",
            "src/secrets.rs",
        ];
        for path in others {
            assert!(!is_sensitive_file(path), "{path}");
        }
    }
}
