//! The rules that the findings of a report name, each once.

use super::model::{Configuration, Help, Level, Message, Plain, Rule, RuleProperties};
use crate::{uri, words};
use domain::report::ReportFinding;
use domain::scanning::ScannerKind;
use domain::severity::Severity;
use scanledger_domain as domain;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

/// Tags that GitHub keeps.
const TAGS: usize = 20;

/// The rules of a list of findings.
pub(super) struct Rules<'a> {
    rules: Vec<Named<'a>>,
    /// For each finding the index of its rule.
    pub index_of_finding: Vec<usize>,
}

/// A rule and what its findings say about it together.
struct Named<'a> {
    first: &'a ReportFinding,
    worst: Severity,
    confidence: f32,
    scanners: BTreeSet<ScannerKind>,
    weaknesses: BTreeSet<u32>,
}

impl<'a> Rules<'a> {
    pub(super) fn of(findings: &'a [ReportFinding]) -> Self {
        let mut rules: Vec<Named<'a>> = Vec::new();
        let mut known: HashMap<&str, usize> = HashMap::new();
        let mut index_of_finding = Vec::with_capacity(findings.len());
        for finding in findings {
            let index = match known.entry(&finding.rule) {
                Entry::Occupied(index) => *index.get(),
                Entry::Vacant(free) => {
                    rules.push(Named {
                        first: finding,
                        worst: finding.severity,
                        confidence: 0.0,
                        scanners: BTreeSet::new(),
                        weaknesses: BTreeSet::new(),
                    });
                    *free.insert(rules.len() - 1)
                }
            };
            rules[index].add(finding);
            index_of_finding.push(index);
        }
        Self { rules, index_of_finding }
    }

    pub(super) fn descriptors(&self) -> Vec<Rule<'a>> {
        self.rules.iter().map(Named::descriptor).collect()
    }
}

impl<'a> Named<'a> {
    fn add(&mut self, finding: &'a ReportFinding) {
        self.worst = self.worst.min(finding.severity);
        self.confidence = self.confidence.max(words::confidence(finding.confidence));
        self.scanners.insert(finding.scanner);
        self.weaknesses.extend(finding.cwe.as_deref().and_then(words::cwe_number));
    }

    fn descriptor(&self) -> Rule<'a> {
        let level = Level::of(self.worst);
        let ReportFinding { rule, title, description, references, .. } = self.first;
        Rule {
            id: rule,
            short_description: Plain { text: title },
            full_description: Plain { text: if description.is_empty() { title } else { description } },
            help: Message {
                text: Help {
                    description: if description.is_empty() { title } else { description },
                    references,
                },
            },
            help_uri: references.iter().find_map(|reference| uri::web(reference)),
            default_configuration: Configuration { level },
            properties: RuleProperties {
                tags: self.tags(),
                precision: precision(self.confidence),
                problem_severity: match level {
                    Level::Error => "error",
                    Level::Warning => "warning",
                    Level::Note => "recommendation",
                },
                security_severity: security_severity(self.worst),
            },
        }
    }

    /// GitHub reads `security-severity` only where a rule is tagged `security`, and weaknesses in this form.
    fn tags(&self) -> Vec<String> {
        let scanners = self.scanners.iter().map(|scanner| scanner.as_str().to_owned());
        let weaknesses = self.weaknesses.iter().map(|number| format!("external/cwe/cwe-{number:03}"));
        std::iter::once("security".to_owned()).chain(scanners).chain(weaknesses).take(TAGS).collect()
    }
}

/// A score in the middle of the severity's band, since findings carry no score; GitHub sorts by the band.
///
/// An unknown severity counts as medium, as in build gates.
const fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium | Severity::Unknown => "5.5",
        Severity::Low => "2.0",
        Severity::Info => "0.0",
    }
}

/// GitHub's word for how often the rule is right.
fn precision(confidence: f32) -> &'static str {
    match confidence {
        c if c >= 0.9 => "very-high",
        c if c >= 0.7 => "high",
        c if c >= 0.4 => "medium",
        _ => "low",
    }
}
