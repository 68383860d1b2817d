//! A rule: its id, what it says about itself, and what it may do.

use super::check;
use crate::finding::{Confidence, RuleTags};
use crate::limits::{CLIENT_TEXT_CHARS, RULE_ID_CHARS, RULE_WORDS};
use crate::scanning::ScannerKind;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

/// The id of a rule, which is its path too: letters, digits, `.`, `_` and `-`, at most [`RULE_ID_CHARS`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RuleId(String);

/// Text that is no id of a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a rule's id has 1 to {RULE_ID_CHARS} letters, digits, dots, underscores and hyphens")]
pub struct NotARuleId;

impl RuleId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RuleId {
    type Err = NotARuleId;

    fn from_str(text: &str) -> Result<Self, NotARuleId> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if (1..=RULE_ID_CHARS).contains(&text.len()) && text.bytes().all(is_plain) {
            return Ok(Self(text.to_owned()));
        }
        Err(NotARuleId)
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for RuleId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for RuleId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident or $(#[$error_doc:meta])* $error:ident($says:literal) { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant),+
        }

        $(#[$error_doc])*
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        #[error($says)]
        pub struct $error;

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The lower-case word, as in events.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, $error> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text).ok_or($error)
            }
        }
    };
}

words! {
    /// What a rule may do to a build.
    Mode or
    /// A word that names no mode.
    NotAMode("not a mode: expected monitor, comment, block or disabled") {
        /// Nothing: people see what it finds.
        Monitor = "monitor",
        /// Say something at the pull request.
        Comment = "comment",
        /// Fail it.
        Block = "block",
        /// It is not run.
        Disabled = "disabled",
    }
}

words! {
    /// What a rule looks for.
    Product or
    /// A word that names no product.
    NotAProduct("not a product: expected sast, secrets or sca") {
        /// Weaknesses in code.
        Code = "sast",
        /// Secrets.
        Secrets = "secrets",
        /// Vulnerable packages.
        SupplyChain = "sca",
    }
}

impl Product {
    /// The kind of scanner that finds such things.
    pub const fn scanner(self) -> ScannerKind {
        match self {
            Self::Code => ScannerKind::Sast,
            Self::Secrets => ScannerKind::Secrets,
            Self::SupplyChain => ScannerKind::Sca,
        }
    }
}

/// How bad a rule says it is, in the words of rules; there are two generations of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleSeverity {
    /// `INFO` or `LOW`.
    Low,
    /// `WARNING` or `MEDIUM`.
    Medium,
    /// `ERROR` or `HIGH`.
    High,
    /// `CRITICAL`.
    Critical,
}

impl RuleSeverity {
    /// The severity of a word in a rule.
    pub fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "INFO" | "LOW" => Self::Low,
            "WARNING" | "MEDIUM" => Self::Medium,
            "ERROR" | "HIGH" => Self::High,
            "CRITICAL" => Self::Critical,
            _ => return None,
        })
    }
}

/// What a rule may do as long as nobody decides otherwise: what is bad and seldom wrong blocks, the rest is watched.
pub fn default_mode(severity: RuleSeverity, confidence: Option<Confidence>) -> Mode {
    if severity >= RuleSeverity::High && confidence == Some(Confidence::High) {
        Mode::Block
    } else {
        Mode::Monitor
    }
}

/// A rule that was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its id.
    pub id: RuleId,
    /// What it looks for.
    pub product: Product,
    /// How bad it says it is.
    pub severity: RuleSeverity,
    /// What it tells people, with names of metavariables in it.
    pub message: String,
    /// In which languages it looks.
    pub languages: Vec<String>,
    /// What it says about itself.
    pub tags: RuleTags,
    /// All of it, as clients run it.
    pub definition: Value,
}

/// Why a rule is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct RuleRefusal {
    /// Where in the rule, such as `patterns.0.pattern`; empty for the rule as a whole.
    pub place: String,
    /// What is wrong there.
    pub problem: String,
}

impl Rule {
    /// Reads a rule and checks it ([`check()`]).
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn try_new(definition: Value) -> Result<Self, RuleRefusal> {
        check(&definition)?;
        let text = |field: &str| definition[field].as_str().unwrap_or_default();
        let refuse = |place: &str, problem: String| RuleRefusal { place: place.to_owned(), problem };
        let id = text("id").parse().map_err(|error: NotARuleId| refuse("id", error.to_string()))?;
        let severity = RuleSeverity::of_word(text("severity"))
            .ok_or_else(|| refuse("severity", "is none".to_owned()))?;
        let languages = definition["languages"].as_array().into_iter().flatten();
        Ok(Self {
            id,
            product: product_of(&definition),
            severity,
            message: text("message").to_owned(),
            languages: languages.filter_map(Value::as_str).map(str::to_owned).collect(),
            tags: RuleTags::of_metadata(&definition["metadata"]),
            definition,
        })
    }

    /// What it may do as long as nobody decides otherwise.
    pub fn default_mode(&self) -> Mode {
        default_mode(self.severity, self.tags.confidence)
    }
}

fn product_of(definition: &Value) -> Product {
    if definition.get("r2c-internal-project-depends-on").is_some() {
        Product::SupplyChain
    } else if definition["metadata"]["product"] == "secrets" {
        Product::Secrets
    } else {
        Product::Code
    }
}

impl RuleTags {
    /// What the metadata of a rule says, each text cut and each list shortened; anything that is not as expected is
    /// left out.
    pub fn of_metadata(metadata: &Value) -> Self {
        Self {
            category: text(&metadata["category"]),
            confidence: match metadata["confidence"].as_str() {
                Some("HIGH") => Some(Confidence::High),
                Some("MEDIUM") => Some(Confidence::Medium),
                Some("LOW") => Some(Confidence::Low),
                Some(_) | None => None,
            },
            subcategories: texts(&metadata["subcategory"]),
            vulnerability_classes: texts(&metadata["vulnerability_class"]),
            cwes: texts(&metadata["cwe"]),
            owasps: texts(&metadata["owasp"]),
            technologies: texts(&metadata["technology"]),
        }
    }

    /// `CWE-79` of the first of the weaknesses.
    pub fn cwe(&self) -> Option<String> {
        let id = self.cwes.first()?.split(':').next()?.trim();
        let number = id.strip_prefix("CWE-")?;
        let is_number = (1..=6).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| id.to_owned())
    }
}

fn text(value: &Value) -> Option<String> {
    let text: String = value.as_str()?.chars().filter(|c| !c.is_control()).take(CLIENT_TEXT_CHARS).collect();
    (!text.is_empty()).then_some(text)
}

/// One text or a list of them: rules write both.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().filter_map(text).take(RULE_WORDS).collect(),
        one => text(one).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Mode, Product, Rule, RuleId, RuleSeverity, default_mode};
    use crate::finding::{Confidence, RuleTags};
    use crate::limits::{CLIENT_TEXT_CHARS, RULE_ID_CHARS, RULE_WORDS};
    use crate::policy::samples::rule;
    use serde_json::json;

    #[test]
    fn ids_have_letters_digits_and_three_signs() {
        for good in ["a", "python.lang.eval-of_input", &"a".repeat(RULE_ID_CHARS)] {
            assert_eq!(good.parse::<RuleId>().unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a/b", "ä", "a\n", &"a".repeat(RULE_ID_CHARS + 1)] {
            assert!(bad.parse::<RuleId>().is_err(), "{bad:?}");
        }
        assert!(serde_json::from_str::<RuleId>("\"a/b\"").is_err());
    }

    #[test]
    fn only_what_is_bad_and_sure_blocks_by_itself() {
        use Confidence::{High, Low, Medium};
        let sure = Some(High);
        for severity in [RuleSeverity::High, RuleSeverity::Critical] {
            assert_eq!(default_mode(severity, sure), Mode::Block);
            for confidence in [None, Some(Low), Some(Medium)] {
                assert_eq!(default_mode(severity, confidence), Mode::Monitor);
            }
        }
        for severity in [RuleSeverity::Low, RuleSeverity::Medium] {
            assert_eq!(default_mode(severity, sure), Mode::Monitor);
        }
    }

    #[test]
    fn a_rule_says_what_it_looks_for() {
        let with = |field: &str, value| {
            let mut definition = rule("r");
            definition[field] = value;
            Rule::try_new(definition).unwrap().product
        };
        assert_eq!(with("fix", json!("x")), Product::Code);
        assert_eq!(with("metadata", json!({ "product": "secrets" })), Product::Secrets);
        let depends = json!({ "namespace": "pypi", "package": "requests", "version": "< 2.20.0" });
        assert_eq!(with("r2c-internal-project-depends-on", depends), Product::SupplyChain);
    }

    #[test]
    fn what_a_rule_says_about_itself_is_bounded() {
        let long = "x".repeat(CLIENT_TEXT_CHARS + 1);
        let tags = RuleTags::of_metadata(&json!({
            "category": long, "confidence": "HIGH", "cwe": vec!["CWE-79: XSS"; RULE_WORDS + 1], "owasp": "A03",
            "technology": [1, "", "flask"], "subcategory": { "a": 1 },
        }));
        assert_eq!(tags.category.as_deref().map(str::len), Some(CLIENT_TEXT_CHARS));
        assert_eq!(tags.confidence, Some(Confidence::High));
        assert_eq!((tags.cwes.len(), tags.cwe().as_deref()), (RULE_WORDS, Some("CWE-79")));
        assert_eq!((tags.owasps, tags.technologies), (vec!["A03".to_owned()], vec!["flask".to_owned()]));
        assert!(tags.subcategories.is_empty());
        for bad in ["CWE-", "CWE-7x", "79", "CWE-1234567"] {
            assert_eq!(RuleTags { cwes: vec![bad.to_owned()], ..RuleTags::default() }.cwe(), None, "{bad}");
        }
    }
}
