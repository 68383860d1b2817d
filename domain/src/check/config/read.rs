//! Reading `.dpendx.yml`, key by key.

use super::{CheckConfig, Switch};
use crate::limits::{CONFIG_LIST, CONFIG_WARNINGS};
use crate::severity::Severity;
use serde_json::{Map, Value};

/// A configuration, and what was wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigRead {
    /// What holds.
    pub config: CheckConfig,
    /// What was wrong, for people; at most [`CONFIG_WARNINGS`].
    pub warnings: Vec<String>,
}

impl ConfigRead {
    /// The defaults, because the file is no YAML.
    pub fn unreadable() -> Self {
        let warnings = vec!["`.dpendx.yml` is not valid YAML; the defaults hold".to_owned()];
        Self { config: CheckConfig::default(), warnings }
    }

    /// What a document says.
    pub fn of(document: &Value) -> Self {
        let mut reader = Reader::default();
        let mut config = CheckConfig::default();
        match document {
            Value::Null => (),
            Value::Object(document) => reader.document(document, &mut config),
            _ => reader.warn("`.dpendx.yml` has no keys; the defaults hold".to_owned()),
        }
        Self { config, warnings: reader.warnings }
    }
}

/// Words of the other ecosystems, whose packages are not scanned here.
const OTHER_ECOSYSTEMS: [&str; 5] = ["RubyGems", "Maven", "NuGet", "Packagist", "CocoaPods"];

#[derive(Default)]
struct Reader {
    warnings: Vec<String>,
}

impl Reader {
    fn warn(&mut self, warning: String) {
        if self.warnings.len() < CONFIG_WARNINGS {
            self.warnings.push(warning);
        }
    }

    fn document(&mut self, document: &Map<String, Value>, config: &mut CheckConfig) {
        for (key, value) in document {
            match key.as_str() {
                "version" if value.as_i64() == Some(1) => (),
                "version" => self.warn("`version` is not 1; it is read as if it were".to_owned()),
                "scan" => self.section("scan", value, |reader, key, value| reader.scan(key, value, config)),
                "vulnerability" => self.section("vulnerability", value, |reader, key, value| {
                    reader.vulnerability(key, value, config);
                }),
                "reachability" => self.section("reachability", value, |reader, key, value| {
                    reader.reachability(key, value, config);
                }),
                "license" => self.section("license", value, Self::license),
                "code_quality" => self.section("code_quality", value, Self::code_quality),
                _ => self.unknown(key),
            }
        }
    }

    fn section(&mut self, name: &str, value: &Value, mut each: impl FnMut(&mut Self, &str, &Value)) {
        match value {
            Value::Null => (),
            Value::Object(section) => {
                for (key, value) in section {
                    each(self, key, value);
                }
            }
            _ => self.invalid(name, "a section with keys"),
        }
    }

    fn unknown(&mut self, key: &str) {
        let key: String = key.chars().filter(|c| !c.is_control() && *c != '`').take(60).collect();
        self.warn(format!("`{key}` is not a known key and is left out"));
    }

    fn invalid(&mut self, key: &str, expected: &str) {
        self.warn(format!("`{key}` must be {expected}; the default holds"));
    }

    fn word<T: serde::de::DeserializeOwned>(
        &mut self,
        key: &str,
        value: &Value,
        expected: &str,
    ) -> Option<T> {
        let read = serde_json::from_value(value.clone()).ok();
        if read.is_none() {
            self.invalid(key, expected);
        }
        read
    }

    fn switch(&mut self, key: &str, value: &Value) -> Option<Switch> {
        let read = value.as_bool().map(|on| if on { Switch::On } else { Switch::Off });
        if read.is_none() {
            self.invalid(key, "true or false");
        }
        read
    }

    fn texts(&mut self, key: &str, value: &Value) -> Option<Vec<String>> {
        let texts: Option<Vec<String>> = value
            .as_array()
            .and_then(|list| list.iter().map(|text| text.as_str().map(str::to_owned)).collect());
        let texts = texts.filter(|texts| texts.len() <= CONFIG_LIST);
        if texts.is_none() {
            self.invalid(key, &format!("a list of at most {CONFIG_LIST} texts"));
        }
        texts
    }

    fn scan(&mut self, key: &str, value: &Value, config: &mut CheckConfig) {
        match key {
            "mode" => {
                config.mode = self.word("scan.mode", value, "`full` or `diff`").unwrap_or_default();
            }
            "ecosystems" => {
                let names = self.texts("scan.ecosystems", value).unwrap_or_default();
                for name in names {
                    match name.parse() {
                        Ok(ecosystem) => config.ecosystems.push(ecosystem),
                        Err(_) if OTHER_ECOSYSTEMS.contains(&name.as_str()) => {
                            self.warn(format!("packages of {name} are not scanned by this server"));
                        }
                        Err(_) => self.warn("`scan.ecosystems` has a word that names none".to_owned()),
                    }
                }
            }
            "exclude_paths" => {
                let patterns = self.texts("scan.exclude_paths", value).unwrap_or_default();
                let (good, bad): (Vec<_>, Vec<_>) =
                    patterns.into_iter().partition(|pattern| globset::Glob::new(pattern).is_ok());
                if !bad.is_empty() {
                    self.warn(
                        "`scan.exclude_paths` has patterns that are none; they are left out".to_owned(),
                    );
                }
                config.exclude_paths = good;
            }
            _ => self.unknown(&format!("scan.{key}")),
        }
    }

    fn vulnerability(&mut self, key: &str, value: &Value, config: &mut CheckConfig) {
        match key {
            "enabled" => {
                config.vulnerability = self.switch("vulnerability.enabled", value).unwrap_or_default();
            }
            "severity_threshold" => {
                let word = value.as_str().and_then(|word| word.parse().ok());
                let known = word.filter(|severity| !matches!(severity, Severity::Info | Severity::Unknown));
                match known {
                    Some(severity) => config.threshold = severity,
                    None => self
                        .invalid("vulnerability.severity_threshold", "`low`, `medium`, `high` or `critical`"),
                }
            }
            "block_on" => {
                let expected = "`imported`, `all` or `critical_only`";
                config.block_on = self.word("vulnerability.block_on", value, expected).unwrap_or_default();
            }
            "ignore_ids" => {
                config.ignore_ids = self.texts("vulnerability.ignore_ids", value).unwrap_or_default();
            }
            _ => self.unknown(&format!("vulnerability.{key}")),
        }
    }

    fn reachability(&mut self, key: &str, value: &Value, config: &mut CheckConfig) {
        match key {
            "enabled" => {
                config.reachability = self.switch("reachability.enabled", value).unwrap_or_default();
            }
            "transitive" => {
                if self.switch("reachability.transitive", value) == Some(Switch::On) {
                    let what = "use through other packages is not followed by this server";
                    self.warn(format!("`reachability.transitive`: {what}"));
                }
            }
            _ => self.unknown(&format!("reachability.{key}")),
        }
    }

    fn license(&mut self, key: &str, value: &Value) {
        match key {
            // On by default, so only who asks for something else is told.
            "enabled" => drop(self.switch("license.enabled", value)),
            "policy" | "allowed" | "blocked" => {
                self.warn(format!("`license.{key}` is not evaluated by this server"));
            }
            _ => self.unknown(&format!("license.{key}")),
        }
    }

    fn code_quality(&mut self, key: &str, value: &Value) {
        const KEYS: [&str; 6] =
            ["naming", "duplicates", "dead_code", "bug_patterns", "security", "complexity"];
        match key {
            "enabled" => {
                if self.switch("code_quality.enabled", value) == Some(Switch::On) {
                    self.warn("`code_quality` is not evaluated by this server".to_owned());
                }
            }
            _ if KEYS.contains(&key) => (),
            _ => self.unknown(&format!("code_quality.{key}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ConfigRead;
    use crate::check::{BlockOn, CheckConfig, ScanMode, Switch};
    use crate::component::Ecosystem;
    use crate::limits::{CONFIG_LIST, CONFIG_WARNINGS};
    use crate::severity::Severity;
    use serde_json::{Map, Value, json};

    #[test]
    fn nothing_said_means_the_defaults() {
        for document in [json!(null), json!({}), json!({ "version": 1, "scan": null })] {
            assert_eq!(ConfigRead::of(&document), ConfigRead::default(), "{document}");
        }
        let stored = serde_json::to_value(CheckConfig::default()).unwrap();
        assert_eq!(serde_json::from_value::<CheckConfig>(stored).unwrap(), CheckConfig::default());
        assert_eq!(serde_json::from_value::<CheckConfig>(json!({})).unwrap(), CheckConfig::default());
    }

    #[test]
    fn every_key_is_read() {
        let read = ConfigRead::of(&json!({
            "version": 1,
            "scan": { "mode": "diff", "ecosystems": ["npm", "Go"], "exclude_paths": ["**/test/**"] },
            "vulnerability": {
                "enabled": false, "severity_threshold": "high", "block_on": "all", "ignore_ids": ["CVE-2020-1"],
            },
            "reachability": { "enabled": false, "transitive": false },
        }));
        let config = CheckConfig {
            mode: ScanMode::Diff,
            ecosystems: vec![Ecosystem::Npm, Ecosystem::Go],
            exclude_paths: vec!["**/test/**".to_owned()],
            vulnerability: Switch::Off,
            threshold: Severity::High,
            block_on: BlockOn::All,
            ignore_ids: vec!["CVE-2020-1".to_owned()],
            reachability: Switch::Off,
        };
        assert_eq!(read, ConfigRead { config, warnings: vec![] });
    }

    #[test]
    fn what_is_not_valid_is_told_and_the_default_holds() {
        for (document, named) in [
            (json!({ "scan": { "mode": "fast" } }), "scan.mode"),
            (json!({ "scan": { "ecosystems": "npm" } }), "scan.ecosystems"),
            (json!({ "scan": { "ecosystems": ["cobol"] } }), "scan.ecosystems"),
            (json!({ "scan": { "ecosystems": ["Maven"] } }), "Maven"),
            (json!({ "scan": { "exclude_paths": ["a{"] } }), "scan.exclude_paths"),
            (json!({ "scan": { "depth": 1 } }), "scan.depth"),
            (json!({ "scan": [] }), "scan"),
            (json!({ "vulnerability": { "enabled": "yes" } }), "vulnerability.enabled"),
            (
                json!({ "vulnerability": { "severity_threshold": "info" } }),
                "vulnerability.severity_threshold",
            ),
            (json!({ "vulnerability": { "block_on": "none" } }), "vulnerability.block_on"),
            (json!({ "vulnerability": { "ignore_ids": [1] } }), "vulnerability.ignore_ids"),
            (json!({ "reachability": { "enabled": 1 } }), "reachability.enabled"),
            (json!({ "reachability": { "transitive": true } }), "reachability.transitive"),
            (json!({ "version": 2 }), "version"),
            (json!({ "colour": "red" }), "colour"),
            (json!([]), ".dpendx.yml"),
        ] {
            let read = ConfigRead::of(&document);
            assert_eq!(read.config, CheckConfig::default(), "{document}");
            assert_eq!(read.warnings.len(), 1, "{document}");
            assert!(read.warnings[0].contains(named), "{}", read.warnings[0]);
        }
    }

    #[test]
    fn what_is_not_evaluated_is_told() {
        let read = ConfigRead::of(&json!({
            "license": { "enabled": true, "policy": "custom", "blocked": ["GPL-3.0"] },
            "code_quality": { "enabled": true, "naming": false },
        }));
        assert_eq!(read.config, CheckConfig::default());
        assert_eq!(read.warnings.len(), 3);
        assert!(read.warnings.iter().all(|warning| warning.contains("not evaluated")));
        let off = json!({ "license": { "enabled": false }, "code_quality": { "enabled": false } });
        assert_eq!(ConfigRead::of(&off), ConfigRead::default());
    }

    #[test]
    fn lists_and_warnings_have_limits() {
        let of = |count: usize| {
            let ids: Vec<String> = (0..count).map(|n| format!("CVE-{n}")).collect();
            ConfigRead::of(&json!({ "vulnerability": { "ignore_ids": ids } })).config.ignore_ids.len()
        };
        assert_eq!((of(CONFIG_LIST), of(CONFIG_LIST + 1)), (CONFIG_LIST, 0));
        let keys: Map<String, Value> = (0..=CONFIG_WARNINGS).map(|n| (format!("k{n}"), json!(1))).collect();
        assert_eq!(ConfigRead::of(&Value::Object(keys)).warnings.len(), CONFIG_WARNINGS);
    }

    #[test]
    fn what_was_written_into_a_key_does_not_break_out_of_its_warning() {
        let key = format!("`x`\n{}", "y".repeat(100));
        let warning = ConfigRead::of(&json!({ key: 1 })).warnings.remove(0);
        assert!(
            warning.len() < 100 && !warning.contains('\n') && warning.matches('`').count() == 2,
            "{warning}"
        );
    }
}
