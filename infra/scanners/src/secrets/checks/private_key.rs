//! Whether there is a key in a block, and whether a passphrase is needed to use it.

use super::armor::{Armor, find};
use super::{base64, packet};

/// How a private key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// Whoever has the file has the key.
    Open,
    /// Whoever has the file needs a passphrase too.
    Locked,
}

/// Different bytes that a key has at least; a text that somebody made up for documentation has fewer.
const DISTINCT: usize = 16;
/// DER's tags (X.690 §8).
const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;

/// Whether `block` is a whole private key that needs no passphrase.
pub fn is_open_key(block: &[u8]) -> bool {
    kept(block) == Some(Kept::Open)
}

/// Whether `block` is a whole private key that needs a passphrase.
pub fn is_locked_key(block: &[u8]) -> bool {
    kept(block) == Some(Kept::Locked)
}

fn kept(block: &[u8]) -> Option<Kept> {
    if block.starts_with(b"PuTTY-") {
        return putty(block);
    }
    let armor = Armor::read(block)?;
    if !is_varied(&armor.data) {
        return None;
    }
    match armor.label {
        b"OPENSSH PRIVATE KEY" => open_ssh(&armor.data),
        b"PGP PRIVATE KEY BLOCK" => packet::kept(&armor.data),
        b"SSH2 ENCRYPTED PRIVATE KEY" => ssh2(&armor.data),
        b"ENCRYPTED COSIGN PRIVATE KEY" | b"ENCRYPTED SIGSTORE PRIVATE KEY" => {
            serde_json::from_slice::<serde_json::Value>(&armor.data).is_ok().then_some(Kept::Locked)
        }
        b"ENCRYPTED PRIVATE KEY" => encrypted_pkcs8(&armor.data),
        // RFC 1421: the whole is encrypted in blocks of 8 or 16 bytes.
        _ if armor.is_encrypted => {
            (armor.data.len() >= 48 && armor.data.len().is_multiple_of(8)).then_some(Kept::Locked)
        }
        _ => der(&armor.data),
    }
}

fn is_varied(data: &[u8]) -> bool {
    let mut seen = [false; 256];
    for byte in data {
        seen[usize::from(*byte)] = true;
    }
    seen.iter().filter(|seen| **seen).count() >= DISTINCT
}

/// PKCS #1 (RFC 8017 §A.1.2), SEC 1 (RFC 5915), PKCS #8 (RFC 5958) and DSA all are a sequence that begins with a
/// small number, the version, and is full of whole elements.
fn der(data: &[u8]) -> Option<Kept> {
    let content = whole_sequence(data)?;
    let (tag, version, mut rest) = element(content)?;
    if tag != INTEGER || !matches!(version, [0..=2]) || rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        rest = element(rest)?.2;
    }
    Some(Kept::Open)
}

/// RFC 5958 §3: how it is encrypted, and what is.
fn encrypted_pkcs8(data: &[u8]) -> Option<Kept> {
    let (tag, _, rest) = element(whole_sequence(data)?)?;
    let (_, _, end) = element(rest)?;
    (tag == SEQUENCE && end.is_empty()).then_some(Kept::Locked)
}

fn whole_sequence(data: &[u8]) -> Option<&[u8]> {
    let (tag, content, rest) = element(data)?;
    (tag == SEQUENCE && rest.is_empty()).then_some(content)
}

/// The first element of DER: its tag, its content, and what follows (X.690 §10.1).
fn element(data: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = data.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// OpenSSH's `PROTOCOL.key`, version 1.
fn open_ssh(data: &[u8]) -> Option<Kept> {
    let rest = data.strip_prefix(b"openssh-key-v1\0")?;
    let (cipher, rest) = string(rest)?;
    let (_derivation, rest) = string(rest)?;
    let (_options, rest) = string(rest)?;
    let (keys, mut rest) = rest.split_first_chunk()?;
    for _ in 0..u32::from_be_bytes(*keys).min(16) {
        rest = string(rest)?.1;
    }
    let (private, rest) = string(rest)?;
    (!private.is_empty() && rest.is_empty()).then(|| by_cipher(cipher))
}

/// SSH.com's format: a number that marks it, the length of all, kind, cipher, the key.
fn ssh2(data: &[u8]) -> Option<Kept> {
    let rest = data.strip_prefix(&[0x3f, 0x6f, 0xf9, 0xeb])?;
    let (length, rest) = rest.split_first_chunk()?;
    let (_kind, rest) = string(rest)?;
    let (cipher, _) = string(rest)?;
    (u32::from_be_bytes(*length) as usize == data.len()).then(|| by_cipher(cipher))
}

fn by_cipher(cipher: &[u8]) -> Kept {
    if cipher == b"none" { Kept::Open } else { Kept::Locked }
}

/// Bytes with their length before them (RFC 4251 §5).
fn string(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = data.split_first_chunk()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

/// PuTTY's format (its manual, appendix C): the private part has as many lines as it says.
fn putty(block: &[u8]) -> Option<Kept> {
    let mut lines = block.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let encryption = lines.find_map(|line| line.strip_prefix(b"Encryption: "))?;
    let count = lines.find_map(|line| line.strip_prefix(b"Private-Lines: "))?;
    let count: usize = str::from_utf8(count).ok()?.parse().ok()?;
    let private: Vec<&[u8]> = lines.by_ref().take(count.min(400)).collect();
    let is_whole = private.len() == count && lines.next()?.starts_with(b"Private-MAC: ");
    let data = base64(&private.concat())?;
    (is_whole && find(&data, b"...").is_none() && is_varied(&data)).then(|| by_cipher(encryption))
}

#[cfg(test)]
mod tests {
    use super::{Kept, kept};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    /// Bytes that differ, and are no key.
    fn filler(length: u8) -> Vec<u8> {
        (0..length).map(|at| at.wrapping_mul(37).wrapping_add(11)).collect()
    }

    fn string(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
    }

    fn block(label: &str, data: &[u8]) -> String {
        let text = STANDARD.encode(data);
        let marker = |word: &str| format!("-----{word} {label}-----");
        format!("{}\n{}\n{}", marker("BEGIN"), text, marker("END"))
    }

    fn is(text: &str, expected: Option<Kept>) {
        assert_eq!(kept(text.as_bytes()), expected, "{text}");
    }

    #[test]
    fn openssh_says_how_it_is_encrypted_and_is_whole_or_none() {
        for (cipher, expected) in [("none", Kept::Open), ("aes256-ctr", Kept::Locked)] {
            let parts = [string(cipher.as_bytes()), string(b"none"), string(b""), vec![0, 0, 0, 1]];
            let data =
                [b"openssh-key-v1\0".to_vec(), parts.concat(), string(&filler(51)), string(&filler(136))];
            let data = data.concat();
            is(&block("OPENSSH PRIVATE KEY", &data), Some(expected));
            is(&block("OPENSSH PRIVATE KEY", &data[..data.len() - 3]), None);
        }
    }

    #[test]
    fn der_is_whole_or_none() {
        let key = [&[0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x72], filler(114).as_slice()].concat();
        is(&block("EC PRIVATE KEY", &key), Some(Kept::Open));
        is(&block("EC PRIVATE KEY", &key[..key.len() - 3]), None);
        is(&block("EC PRIVATE KEY", &filler(121)), None);
        let zeros = [&[0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x72], [0; 114].as_slice()].concat();
        is(&block("EC PRIVATE KEY", &zeros), None);
        let locked =
            [&[0x30, 0x75, 0x30, 0x03, 0x06, 0x01, 0x2a, 0x04, 0x6e], filler(110).as_slice()].concat();
        is(&block("ENCRYPTED PRIVATE KEY", &locked), Some(Kept::Locked));
        let headed = block("RSA PRIVATE KEY", &filler(64)).replacen(
            "-----\n",
            "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n",
            1,
        );
        is(&headed, Some(Kept::Locked));
    }

    #[test]
    fn a_key_in_a_string_of_code_or_in_a_comment_is_the_same_key() {
        let key = [&[0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x72], filler(114).as_slice()].concat();
        let text = block("EC PRIVATE KEY", &key);
        is(&text.replace('\n', "\\n"), Some(Kept::Open));
        is(&text.replace('\n', "\\n\" +\n    \""), Some(Kept::Open));
        is(&text.replace('\n', "\r\n/// "), Some(Kept::Open));
        is(&text.replace('=', "\\u003d"), Some(Kept::Open));
    }

    #[test]
    fn openpgp_is_open_if_its_usage_is_zero() {
        let public = [&[4, 1, 2, 3, 4, 22, 3, 0x2b, 6, 1, 0, 128], filler(16).as_slice()].concat();
        for (usage, expected) in [(0, Kept::Open), (254, Kept::Locked)] {
            let body = [public.as_slice(), &[usage], &filler(40)].concat();
            for start in [vec![0x94, body.len() as u8], vec![0xc5, body.len() as u8]] {
                let data = [start, body.clone()].concat();
                is(&block("PGP PRIVATE KEY BLOCK", &data), Some(expected));
                is(&block("PGP PRIVATE KEY BLOCK", &data[..data.len() - 1]), None);
            }
        }
        let public_key = [vec![0x98, 40], filler(40)].concat();
        is(&block("PGP PRIVATE KEY BLOCK", &public_key), None);
    }

    #[test]
    fn putty_has_as_many_lines_as_it_says() {
        for (cipher, expected) in [("none", Kept::Open), ("aes256-cbc", Kept::Locked)] {
            let text = |lines: u8| {
                let private = STANDARD.encode(filler(48));
                let header =
                    format!("PuTTY-User-Key-File-3: ssh-rsa\r\nEncryption: {cipher}\r\nComment: shop\r\n");
                let body = format!("Public-Lines: 1\r\nAAAA\r\nPrivate-Lines: {lines}\r\n{private}\r\n");
                format!("{header}{body}Private-MAC: {}", "0".repeat(40))
            };
            is(&text(1), Some(expected));
            is(&text(2), None);
        }
    }
}
