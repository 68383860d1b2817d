//! What it looks like: events projected into SQLite read models, and the typed queries on them.
