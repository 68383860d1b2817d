//! Scans that are begun anew, cancelled, recorded again: what they list, export and count is the same at every moment.

use crate::hand::Hand;
use crate::harness::{Api, id};
use scanledger_api::limit::{QuotaChange, Settings};
use scanledger_domain::log::Position;
use scanledger_domain::scan::{Interruption, ScanCommand};

/// A server on which scans stay in the queue, that gives many files out.
async fn idle() -> Api {
    let quota: QuotaChange = "export=1000/1h".parse().unwrap();
    Api::with_limits(Settings { quotas: [quota].into_iter().collect(), ..Settings::default() }).await
}

#[tokio::test]
async fn a_scan_that_is_cancelled_after_it_was_stopped_and_resumed_has_no_findings_anywhere() {
    let api = idle().await;
    let scan = Hand::queued(&api).await;
    let queued = api.server.app.views.position();
    let kept = scan.is_stopped(0..5).await;
    assert_eq!((scan.findings(None).await, scan.as_of_it().await), (5, 200));
    let resumed = scan.step("resume").await;
    assert_eq!((scan.findings(None).await, scan.as_of_it().await), (0, 404));
    scan.step("cancel").await;
    assert_eq!((scan.findings(None).await, scan.as_of_it().await), (0, 404));
    assert_eq!((scan.findings(Some(kept)).await, scan.findings(Some(resumed)).await), (5, 0));
    let counts = scan.findings_since(queued).await;
    let (before, after) = ((kept.0 - queued.0) as usize, (resumed.0 - queued.0) as usize);
    let had: Vec<bool> = counts.iter().map(|count| *count > 0).collect();
    let expected: Vec<bool> = (0..counts.len()).map(|place| (before..after).contains(&place)).collect();
    assert_eq!(had, expected);
}

#[tokio::test]
async fn a_scan_that_is_begun_anew_shows_each_run_in_its_time() {
    let api = idle().await;
    let other = Hand::queued(&api).await;
    other.completes((1, 1), 0..2).await;
    let scan = Hand::queued(&api).await;
    let kept = scan.is_stopped(0..7).await;
    let resumed = scan.step("resume").await;
    assert_eq!(other.findings(None).await, 2);
    // The same once more, so that the branch does not change.
    let completed = scan.completes((2, 2), 0..7).await;
    assert_eq!((other.findings(None).await, scan.findings(None).await), (2, 7));
    assert_eq!(scan.findings(Some(kept)).await, 7);
    for at in resumed.0..completed.0 {
        assert_eq!(scan.findings(Some(Position(at))).await, 0, "as of {at}");
    }
    other.findings_since(kept).await;
    assert_eq!(other.findings(Some(kept)).await, 2);
    let found = api.get(&format!("/api/scans/{}/findings?limit=1", scan.scan)).await.expect(200);
    let finding = api.get(&format!("/api/findings/{}", id(&found["findings"][0]))).await.expect(200);
    assert_eq!(finding["scanId"], scan.scan.to_string());
}

#[tokio::test]
async fn a_scan_that_is_recorded_again_leaves_the_lists_of_others_alone() {
    let api = idle().await;
    let (first, lost, last) = (Hand::queued(&api).await, Hand::queued(&api).await, Hand::queued(&api).await);
    first.completes((1, 1), 0..2).await;
    lost.tell(ScanCommand::Start { alone: false }).await;
    lost.settles((1, 1), 0..6).await;
    let begun = api.server.app.views.position();
    lost.tell(ScanCommand::Interrupt { attempt: 1, because: Interruption::WorkerLost }).await;
    assert_eq!((first.findings(None).await, lost.findings(None).await), (2, 0));
    last.completes((1, 1), 0..6).await;
    lost.completes((1, 2), 0..6).await;
    for (scan, count) in [(&first, 2), (&lost, 6), (&last, 6)] {
        assert_eq!(scan.findings(None).await, count);
        scan.findings_since(begun).await;
    }
    assert_eq!(first.findings(Some(begun)).await, 2);
}
