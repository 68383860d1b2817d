//! Module specifiers of JavaScript and TypeScript, and the packages they name.

/// Modules that Node.js brings itself (Node.js documentation, "Built-in modules"): whole specifiers, because
/// `punycode/` and `process/browser` are files of packages. Those that exist with `node:` alone are not here, as
/// without it they are packages. Sorted.
const BUILT_IN: [&str; 54] = [
    "assert",
    "assert/strict",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "dns/promises",
    "domain",
    "events",
    "fs",
    "fs/promises",
    "http",
    "http2",
    "https",
    "inspector",
    "inspector/promises",
    "module",
    "net",
    "os",
    "path",
    "path/posix",
    "path/win32",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "readline/promises",
    "repl",
    "stream",
    "stream/consumers",
    "stream/promises",
    "stream/web",
    "string_decoder",
    "sys",
    "timers",
    "timers/promises",
    "tls",
    "trace_events",
    "tty",
    "url",
    "util",
    "util/types",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
];

/// The package of a bare specifier: its first segment, or two with a scope. Files, URLs, `node:` and `#` aliases
/// (Node.js documentation, "Packages", "Subpath imports") are of no package.
pub(super) fn imported(specifier: &str) -> Option<&str> {
    if BUILT_IN.binary_search(&specifier).is_ok() {
        return None;
    }
    let segments = if specifier.starts_with('@') { 2 } else { 1 };
    let end = specifier.match_indices('/').nth(segments - 1).map_or(specifier.len(), |(at, _)| at);
    let name = &specifier[..end];
    let is_name = match name.strip_prefix('@') {
        Some(scoped) => scoped.split_once('/').is_some_and(|(scope, name)| is_part(scope) && is_part(name)),
        None => is_part(name),
    };
    is_name.then_some(name)
}

/// Whether `text` can be a scope or a name: characters that a URL leaves alone, and no dot at the beginning
/// (npm documentation, "package.json", "name").
fn is_part(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~!'()*".contains(c);
    !text.is_empty() && !text.starts_with(['.', '~']) && text.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::BUILT_IN;

    #[test]
    fn the_table_is_sorted() {
        assert!(BUILT_IN.is_sorted_by(|a, b| a < b));
    }
}
