//! The built `scanledger` command, as somebody at a shell sees it: what it prints, its exit codes, and what it leaves.

mod advisories;
mod completions;
mod demo;
mod export;
mod key;
mod rebuild;
mod scan;
mod serve;
mod setup;
mod shell;
mod verify;
