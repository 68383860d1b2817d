//! The built `scanledger` command, as somebody at a shell sees it: what it prints, its exit codes, and what it leaves.

mod advisories;
mod aliases;
mod api;
mod backup;
mod cargo_audit;
mod completions;
mod database;
mod demo;
mod export;
mod folder;
mod import;
mod key;
mod keys;
mod lost_blobs;
#[cfg(feature = "parquet")]
mod parquet;
mod people;
mod rebuild;
mod replay;
mod revisions;
mod scan;
mod serve;
mod setup;
mod shell;
mod unwritten;
mod verify;
