//! Scanners: vulnerable dependencies and secrets.
