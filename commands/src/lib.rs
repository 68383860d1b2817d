//! Making it happen: load stream, decide, append; and the reactors that follow the log.
