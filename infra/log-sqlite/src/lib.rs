//! The event log on SQLite, with group commit.
