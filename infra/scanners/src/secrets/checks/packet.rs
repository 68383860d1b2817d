//! OpenPGP's packets, as far as it takes to see whether a secret key is encrypted (RFC 9580).

use super::private_key::Kept;

/// §4.3: a secret key.
const SECRET_KEY: u8 = 5;

/// How the secret key is kept that `data` begins with.
pub(super) fn kept(data: &[u8]) -> Option<Kept> {
    let (tag, body) = packet(data)?;
    if tag != SECRET_KEY {
        return None;
    }
    // §5.5.2: version, time, (days,) algorithm, (length of the public part,) the public part.
    let (algorithm, public) = match body.first()? {
        3 => (*body.get(7)?, body.get(8..)?),
        4 => (*body.get(5)?, body.get(6..)?),
        6 => (*body.get(5)?, body.get(10..)?),
        _ => return None,
    };
    // §3.7.2: how the rest is encrypted; 0 means not at all.
    match after_public(algorithm, public)?.first()? {
        0 => Some(Kept::Open),
        _ => Some(Kept::Locked),
    }
}

/// §4.2: the tag and the body of the first packet, if it is all there.
fn packet(data: &[u8]) -> Option<(u8, &[u8])> {
    let (first, rest) = data.split_first()?;
    let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
    let (tag, length, rest) = match first {
        0xc0..=0xff => match rest {
            [length @ 0..192, rest @ ..] => (first & 0x3f, usize::from(*length), rest),
            [high @ 192..=223, low, rest @ ..] => {
                (first & 0x3f, ((usize::from(*high) - 192) << 8) + usize::from(*low) + 192, rest)
            }
            [255, rest @ ..] => (first & 0x3f, number(rest.get(..4)?), &rest[4..]),
            _ => return None,
        },
        0x80..=0xbf => {
            let digits = [1, 2, 4].get(usize::from(first & 3))?;
            (first >> 2 & 0xf, number(rest.get(..*digits)?), &rest[*digits..])
        }
        _ => return None,
    };
    Some((tag, rest.get(..length)?))
}

/// §5.5.5: what follows the numbers of a public key.
fn after_public(algorithm: u8, public: &[u8]) -> Option<&[u8]> {
    match algorithm {
        1..=3 => numbers(public, 2),
        16 | 20 => numbers(public, 3),
        17 => numbers(public, 4),
        18 => counted(numbers(counted(public)?, 1)?),
        19 | 22 => numbers(counted(public)?, 1),
        25 | 27 => public.get(32..),
        26 => public.get(56..),
        28 => public.get(57..),
        _ => None,
    }
}

/// Behind `count` numbers, each with its length in bits before it (§3.2).
fn numbers(mut data: &[u8], count: usize) -> Option<&[u8]> {
    for _ in 0..count {
        let (bits, rest) = data.split_first_chunk()?;
        data = rest.get(usize::from(u16::from_be_bytes(*bits)).div_ceil(8)..)?;
    }
    Some(data)
}

/// Behind bytes with their length before them in one.
fn counted(data: &[u8]) -> Option<&[u8]> {
    let (length, rest) = data.split_first()?;
    rest.get(usize::from(*length)..)
}
