//! OSV advisories: import, store and matching.
