//! What every event log has to do, as a suite that takes any of them.
//!
//! An adapter implements [`Harness`] and calls [`conformance_tests!`] in a test file; each rule becomes a
//! test of its own. A rule that is broken panics with what was expected.

mod clock;
mod harness;
pub mod rules;
mod samples;

pub use clock::{SteppingClock, TickingClock};
pub use harness::{Capabilities, Harness};

/// Names every rule once, for [`run_all`] and for [`conformance_tests!`].
macro_rules! suite {
    ($dollar:tt $($rule:ident),+ $(,)?) => {
        /// Holds an adapter to every rule, one after the other, each on a fresh harness from `make`.
        ///
        /// # Panics
        /// At the first broken rule.
        pub async fn run_all<H: Harness>(make: impl Fn() -> H) {
            $(Box::pin(rules::$rule(&make())).await;)+
        }

        /// Makes one `#[tokio::test]` per rule. The argument is an expression that makes a fresh
        /// [`Harness`](crate::Harness) on an empty log; it is evaluated once per test.
        #[macro_export]
        macro_rules! conformance_tests {
            ($dollar make:expr) => {
                $(
                    #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $rule() {
                        $crate::rules::$rule(&$dollar make).await;
                    }
                )+
            };
        }
    };
}

suite! { $
    a_batch_lands_in_its_stream_in_order,
    writers_on_distinct_streams_all_land,
    a_conflict_reports_the_actual_version_and_writes_nothing,
    racing_writers_win_each_version_exactly_once,
    a_refused_request_takes_no_other_with_it,
    a_log_says_of_itself_whether_it_is_atomic_over_streams,
    a_batch_over_several_streams_is_written_whole,
    a_batch_with_one_conflicting_part_is_not_written_at_all,
    two_appenders_share_one_log,
    a_repeated_batch_answers_its_old_place,
    a_batch_repeated_at_the_same_time_is_written_once,
    a_partly_known_batch_is_refused,
    an_empty_batch_is_refused,
    a_stream_named_twice_is_refused,
    a_name_that_no_store_can_index_is_refused,
    an_event_id_that_stands_twice_is_refused,
    a_batch_holds_a_thousand_events_and_not_one_more,
    a_batch_holds_512_kib_and_not_one_byte_more,
    a_stream_is_read_in_pages,
    the_log_is_read_in_pages,
    a_stream_that_does_not_exist_is_empty,
    bytes_come_back_exactly,
    what_events_share_is_still_each_ones_own,
    an_event_is_found_by_its_id,
    at_a_position_is_the_event_that_got_it,
    the_head_is_the_last_position,
    a_subscriber_started_in_the_middle_sees_every_event_once_and_in_order,
    a_subscription_from_the_head_sees_only_what_comes,
    a_cancelled_wait_loses_nothing,
    time_increases_strictly_whatever_the_clock_does,
    reopening_keeps_everything,
}
