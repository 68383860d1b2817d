//! Value added tax.

/// Percent that is added to every price.
const RATE: u64 = 19;

/// The price with tax, in cents, rounded up.
pub fn with_tax(net: u64) -> u64 {
    net + (net * RATE).div_ceil(100)
}

#[cfg(test)]
mod tests {
    #[test]
    fn tax_is_rounded_up() {
        assert_eq!(super::with_tax(100), 119);
        assert_eq!(super::with_tax(1), 2);
    }
}
