//! What every event log has to do, as a suite that takes any of them.
