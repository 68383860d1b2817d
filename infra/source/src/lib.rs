//! Unpacks uploaded sources into a private folder, within hard limits.
