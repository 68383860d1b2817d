//! How SQLite is going to answer a statement, for tests of what a page costs.

use crate::store::open_writer;

/// The steps of a statement's plan.
pub(crate) struct Plan {
    steps: Vec<Step>,
}

struct Step {
    id: i64,
    parent: i64,
    text: String,
}

impl Plan {
    /// The plan for a statement on an empty views file: there are no statistics, so it is the same for every file.
    pub(crate) fn of(sql: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = open_writer(&folder.path().join("views.db")).unwrap();
        let mut plan = file.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut rows = plan.raw_query();
        let mut steps = vec![];
        while let Some(row) = rows.next().unwrap() {
            let (id, parent, text) = (row.get(0).unwrap(), row.get(1).unwrap(), row.get(3).unwrap());
            steps.push(Step { id, parent, text });
        }
        Self { steps }
    }

    fn texts(&self) -> Vec<&str> {
        self.steps.iter().map(|step| step.text.as_str()).collect()
    }

    /// A step contains this.
    #[track_caller]
    pub(crate) fn has(&self, part: &str) {
        let texts = self.texts();
        assert!(texts.iter().any(|text| text.contains(part)), "{part} is not in {texts:#?}");
    }

    /// Every table is searched by an index or a key; lists of one statement and pages are read from end to end.
    #[track_caller]
    pub(crate) fn scans_no_table(&self) {
        let is_scan =
            |text: &&&str| text.starts_with("SCAN ") && !text.contains("VIRTUAL TABLE") && !is_page(text);
        let texts = self.texts();
        assert_eq!(texts.iter().find(is_scan), None, "{texts:#?}");
    }

    /// Nothing is put in order, because it comes in order.
    #[track_caller]
    pub(crate) fn sorts_nothing(&self) {
        let texts = self.texts();
        assert!(!texts.iter().any(|text| text.contains("TEMP B-TREE")), "{texts:#?}");
    }

    /// No table is read from end to end, and of the rows that `page` is chosen from none are sorted. The page itself may
    /// be.
    #[track_caller]
    pub(crate) fn page_is_walked(&self) {
        self.scans_no_table();
        let texts = self.texts();
        let page = self.steps.iter().find(|step| step.text.ends_with(" page"));
        let page = page.unwrap_or_else(|| panic!("there is no page in {texts:#?}"));
        let mut inside = vec![page.id];
        for step in &self.steps {
            if inside.contains(&step.parent) {
                inside.push(step.id);
                assert!(!step.text.contains("TEMP B-TREE"), "{} in {texts:#?}", step.text);
            }
        }
    }
}

/// Whether a step reads the page, or a list that was made for the statement.
fn is_page(text: &str) -> bool {
    ["SCAN page", "SCAN shown", "SCAN w"].contains(&text) || text.starts_with("SCAN (subquery")
}
