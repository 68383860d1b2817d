//! Times the search for secrets in clean source, beside reading the same bytes once, and in a text that is full
//! of what detectors look for.

#![expect(clippy::print_stdout, reason = "this is what a benchmark is for")]

use aho_corasick::AhoCorasick;
use scanledger_domain::secret::SecretFinder as _;
use scanledger_scanners::Patterns;
use std::hint::black_box;
use std::time::{Duration, Instant};

const BYTES: usize = 8 * 1024 * 1024;
const ROUNDS: usize = 9;

const CLEAN: &str = "pub fn total(basket: &[Line], discount: Percent) -> Money {\n    \
    basket.iter().map(|line| line.price * line.count).sum::<Money>() - discount\n}\n\n\
    # The order of lines is the customer's; core_size and re_export are names like any other.\n";
const NOISY: &str = "api_key = settings.api_key  # token, secret: see password_reset(token)\n\
    heroku_url = \"https://shop.herokuapp.com/\"; sk-button, pk_column, re_compile(cio)\n";

fn main() {
    // Compiled once for the process, so not part of any round.
    Patterns.find("");
    for (name, text) in [("clean", CLEAN), ("noisy", NOISY)] {
        let text = text.repeat(BYTES / text.len());
        let read =
            median(|| text.bytes().fold(0_u64, |sum, byte| sum.wrapping_add(u64::from(byte))) as usize);
        let one_word = AhoCorasick::new(["-----BEGIN"]).expect("one word compiles");
        let word = median(|| one_word.find_iter(&text).count());
        let search = median(|| Patterns.find(&text).len());
        println!(
            "{name}: {} MiB, read {:.2} ms, one word {:.2} ms, {} detectors {:.2} ms ({:.0} MiB/s, {:.1} x read)",
            text.len() >> 20,
            millis(read),
            millis(word),
            Patterns.detectors().len(),
            millis(search),
            text.len() as f64 / f64::from(1 << 20) / search.as_secs_f64(),
            search.as_secs_f64() / read.as_secs_f64(),
        );
    }
}

fn median(mut work: impl FnMut() -> usize) -> Duration {
    let mut times = [Duration::ZERO; ROUNDS];
    for time in &mut times {
        let start = Instant::now();
        black_box(work());
        *time = start.elapsed();
    }
    times.sort_unstable();
    times[ROUNDS / 2]
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
