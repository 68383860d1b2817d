//! Which findings are meant: the same filters narrow the list and the bulk triage (reference §5, §6).

use super::super::policy::effective_rules;
use super::lenient::{Flag, Many, Seconds, Whole};
use super::package_word::{ExposureWord, TransitivityWord};
use super::word::{
    ConfidenceWord, IssueType, PolicyWord, ReasonWord, SeverityWord, StatusWord, ValidationWord,
};
use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;
use scanledger_domain::finding::TriageState;
use scanledger_domain::policy::{Mode, Product};
use scanledger_domain::scan::branch_of_reference;
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::time::Timestamp;
use scanledger_projections::finding::{EverywhereFilter, Stay};
use serde::Deserialize;
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};

/// The branch of this name is every branch.
const ANY_BRANCH: &str = "_default";

/// Which findings.
#[derive(Debug, Default, Deserialize, IntoParams, ToSchema)]
#[schema(as = semgrep::web::Filter)]
#[into_params(parameter_in = Query)]
pub struct FilterIn {
    /// Only that came at this many seconds since 1970 or later.
    #[param(value_type = Option<f64>, minimum = 0)]
    #[schema(value_type = Option<f64>, minimum = 0)]
    since: Option<Seconds>,
    /// Only of these repositories.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    #[schema(value_type = Option<Vec<String>>)]
    repos: Many<String>,
    /// Only of the repositories with these ids.
    #[serde(default)]
    #[param(value_type = Option<Vec<u64>>)]
    #[schema(value_type = Option<Vec<u64>>)]
    repository_ids: Many<Whole>,
    /// Only of this status.
    #[param(inline)]
    status: Option<StatusWord>,
    /// Only ignored for one of these reasons.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    #[schema(value_type = Option<Vec<ReasonWord>>)]
    triage_reasons: Many<ReasonWord>,
    /// Only of these severities.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    #[schema(value_type = Option<Vec<SeverityWord>>)]
    severities: Many<SeverityWord>,
    /// Only on this branch: `main` or `refs/heads/main`. `_default` is every branch.
    r#ref: Option<String>,
    /// Only of rules that may do this.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    #[schema(value_type = Option<Vec<PolicyWord>>)]
    policies: Many<PolicyWord>,
    /// Another name of `policies`, with the words `monitor`, `comment` and `block`.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    #[schema(value_type = Option<Vec<PolicyWord>>)]
    policy_mode: Many<PolicyWord>,
    /// Only of these rules.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    #[schema(value_type = Option<Vec<String>>)]
    rules: Many<String>,
    /// Only of rules of these categories.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    #[schema(value_type = Option<Vec<String>>)]
    categories: Many<String>,
    /// Only in components with these tags. There are none.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    #[schema(value_type = Option<Vec<String>>)]
    component_tags: Many<String>,
    /// Only of rules that are so sure.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    #[schema(value_type = Option<Vec<ConfidenceWord>>)]
    confidence: Many<ConfidenceWord>,
    /// Only that a model judges so. None does.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    #[schema(value_type = Option<Vec<String>>)]
    autotriage_verdict: Many<String>,
    /// Only whose package is used like this.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    #[schema(value_type = Option<Vec<ExposureWord>>)]
    exposures: Many<ExposureWord>,
    /// Only whose package came in like this.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    #[schema(value_type = Option<Vec<TransitivityWord>>)]
    transitivities: Many<TransitivityWord>,
    /// Only whose package is meant to harm, or is not.
    #[param(value_type = Option<bool>)]
    #[schema(value_type = Option<bool>)]
    is_malicious: Option<Flag>,
    /// Only with a pull request in one of these states that mends them. There are none.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    #[schema(value_type = Option<Vec<String>>)]
    click_to_fix_pr_state: Many<String>,
    /// Only of these packages.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    #[schema(value_type = Option<Vec<String>>)]
    dependencies: Many<String>,
    /// Only with one of these results of trying out the secret.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    #[schema(value_type = Option<Vec<ValidationWord>>)]
    validation_state: Many<ValidationWord>,
    /// Only secrets of these kinds: the rules that find them.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    #[schema(value_type = Option<Vec<String>>)]
    secret_types: Many<String>,
    /// Only of projects with these tags. There are none.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    #[schema(value_type = Option<Vec<String>>)]
    project_tags: Many<String>,
    /// Only of rules of these sets. There are none.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    #[schema(value_type = Option<Vec<String>>)]
    ruleset: Many<String>,
    /// Only of the vendor's rules. There are none.
    #[param(value_type = Option<bool>)]
    #[schema(value_type = Option<bool>)]
    pro_only: Option<Flag>,
    /// Only so likely to be exploited. Nobody knows, which is `none`.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    #[schema(value_type = Option<Vec<String>>)]
    epss_probability: Many<String>,
    /// Only of repositories that are so visible. Nobody knows, which is `unknown`.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    #[schema(value_type = Option<Vec<String>>)]
    repository_visibility: Many<String>,
}

impl FilterIn {
    /// The findings of a kind that are meant; none if nothing can be.
    ///
    /// # Errors
    /// When the views fail.
    pub async fn of(
        &self,
        app: &App,
        caller: &Caller,
        kind: IssueType,
    ) -> Result<Option<EverywhereFilter>, Problem> {
        let is_or_empty =
            |words: &Many<String>, only: &str| words.0.is_empty() || words.0.iter().any(|word| word == only);
        let wants_nothing = kind == IssueType::AiSast
            || [
                &self.component_tags,
                &self.autotriage_verdict,
                &self.click_to_fix_pr_state,
                &self.project_tags,
                &self.ruleset,
            ]
            .iter()
            .any(|words| !words.0.is_empty())
            || self.pro_only == Some(Flag::Yes)
            || !is_or_empty(&self.epss_probability, "none")
            || !is_or_empty(&self.repository_visibility, "unknown");
        let states = self.states();
        let uses: Vec<Option<bool>> = self.exposures.0.iter().filter_map(|word| word.used()).collect();
        let is_impossible =
            states.as_ref().is_some_and(Vec::is_empty) || (uses.is_empty() && !self.exposures.0.is_empty());
        if wants_nothing || is_impossible {
            return Ok(None);
        }
        let scanners = match (kind, self.is_malicious) {
            (IssueType::Sca, Some(Flag::Yes)) => vec![ScannerKind::Malicious],
            (IssueType::Sca, Some(Flag::No)) => vec![ScannerKind::Sca],
            _ => kind.scanners().to_vec(),
        };
        Ok(Some(EverywhereFilter {
            numbers: None,
            stay: self.stay(),
            scanners,
            states: states.unwrap_or_default(),
            severities: self.severities.0.iter().flat_map(|word| word.meant()).collect(),
            since: self.since.map(|since| Timestamp(since.0)),
            project_names: self.repos.0.clone(),
            projects: self.repository_ids.0.iter().map(|id| id.0).collect(),
            branch: self
                .r#ref
                .as_deref()
                .filter(|name| *name != ANY_BRANCH)
                .map(|name| branch_of_reference(name).to_owned()),
            rules: self.rules(app, caller).await?,
            confidences: self.confidence.0.iter().map(|word| (*word).into()).collect(),
            categories: self.categories.0.clone(),
            uses,
            transitivities: self.transitivities.0.iter().map(|word| (*word).into()).collect(),
            packages: self.dependencies.0.clone(),
            validations: self.validation_state.0.iter().map(|word| (*word).into()).collect(),
        }))
    }

    fn stay(&self) -> Option<Stay> {
        self.status.map(StatusWord::stay)
    }

    /// The states that are meant: all without any condition, none with an empty list.
    fn states(&self) -> Option<Vec<TriageState>> {
        let of_status = match self.status {
            None | Some(StatusWord::Fixed) => None,
            Some(status) => Some(status.states()),
        };
        if self.triage_reasons.0.is_empty() {
            return of_status;
        }
        let has_reason = |state: &TriageState| {
            ReasonWord::of(*state).is_some_and(|reason| self.triage_reasons.0.contains(&reason))
        };
        let among = of_status.unwrap_or_else(|| TriageState::ALL.to_vec());
        Some(among.into_iter().filter(has_reason).collect())
    }

    /// The rules that are meant: named, and in one of the modes that are asked for. All without any condition.
    async fn rules(&self, app: &App, caller: &Caller) -> Result<Option<Vec<String>>, Problem> {
        let named = [&self.rules.0, &self.secret_types.0].into_iter().filter(|names| !names.is_empty());
        let named = named.map(|names| names.iter().cloned().collect::<BTreeSet<String>>());
        let modes: Vec<Mode> =
            self.policies.0.iter().chain(&self.policy_mode.0).map(|word| word.mode()).collect();
        let in_modes = match modes.is_empty() {
            true => None,
            false => {
                let rules = effective_rules(app, caller.organization()).await?;
                let meant = rules
                    .into_iter()
                    .filter(|rule| modes.contains(&rule.mode) && rule.rule.product == Product::Code);
                Some(meant.map(|rule| rule.rule.id.to_string()).collect())
            }
        };
        let both = named.chain(in_modes).reduce(|a, b| a.intersection(&b).cloned().collect());
        Ok(both.map(|rules| rules.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::lenient::Many;
    use super::super::word::{ReasonWord, StatusWord};
    use super::FilterIn;
    use scanledger_domain::finding::TriageState;

    #[test]
    fn a_status_and_reasons_leave_the_states_that_have_both() {
        let of = |status, reasons: &[ReasonWord]| {
            FilterIn { status, triage_reasons: Many(reasons.to_vec()), ..FilterIn::default() }.states()
        };
        assert_eq!(of(None, &[]), None);
        assert_eq!(of(Some(StatusWord::Fixed), &[]), None);
        assert_eq!(of(Some(StatusWord::Open), &[]), Some(vec![TriageState::Untriaged]));
        let false_positive = [TriageState::FalsePositive, TriageState::NotAffected];
        assert_eq!(of(None, &[ReasonWord::FalsePositive]), Some(false_positive.to_vec()));
        assert_eq!(
            of(Some(StatusWord::Ignored), &[ReasonWord::AcceptableRisk]),
            Some(vec![TriageState::Accepted])
        );
        for (status, reason) in
            [(StatusWord::Open, ReasonWord::FalsePositive), (StatusWord::Ignored, ReasonWord::NoTime)]
        {
            assert_eq!(of(Some(status), &[reason]), Some(vec![]));
        }
    }
}
