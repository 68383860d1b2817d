//! Scanledger: composition root and command line.
fn main() {}
