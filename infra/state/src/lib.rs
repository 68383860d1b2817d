//! State that is neither history nor projection: keys of persons, leases, last-used times.
