//! What an order costs: reads `quantity price` lines, writes the total with tax.

mod tax;

use regex::Regex;
use smallvec::SmallVec;
use std::io::{self, BufRead};

fn main() {
    let line_shape = Regex::new(r"^(\d+) (\d+)$").expect("a valid expression");
    let mut amounts: SmallVec<[u64; 16]> = SmallVec::new();
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        if let Some(parts) = line_shape.captures(&line) {
            let number = |at: usize| parts[at].parse::<u64>().unwrap_or(0);
            amounts.push(number(1) * number(2));
        }
    }
    let total: u64 = amounts.iter().sum();
    let mut buffer = itoa::Buffer::new();
    println!("{} {}", time::now().strftime("%F").expect("a valid format"), buffer.format(tax::with_tax(total)));
}
