//! Signed notes: text, and signatures that anybody can check with the key (C2SP `signed-note`).

use super::Origin;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// Bytes of a signed note that is read; a checkpoint of ours has about 250.
pub const NOTE_BYTES: usize = 16 * 1024;
/// Signatures of a note that are read.
const SIGNATURES: usize = 100;
/// The number of Ed25519 among the kinds of signatures (C2SP `signed-note`).
const ED25519: u8 = 0x01;
/// What a line with a signature begins with.
const DASH: &str = "\u{2014} ";

/// Signs checkpoints. The key never leaves whoever implements it.
pub trait Signer: Send + Sync {
    /// The Ed25519 signature (RFC 8032) of `text`.
    fn sign(&self, text: &[u8]) -> [u8; 64];

    /// The key with which signatures of the log `origin` are checked.
    fn verifier_key(&self, origin: &Origin) -> VerifierKey;
}

/// Signs with a key in memory, which is wiped when it is dropped.
pub struct Ed25519Signer(SigningKey);

impl Ed25519Signer {
    /// With the private key `seed` (RFC 8032 §5.1.5).
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }
}

impl Signer for Ed25519Signer {
    fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.0.sign(text).to_bytes()
    }

    fn verifier_key(&self, origin: &Origin) -> VerifierKey {
        VerifierKey::new(origin.to_string(), self.0.verifying_key())
    }
}

/// The public key of a log. Text is `<name>+<id in hex>+<base64 of 0x01 and the key>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

/// Why text is no verifier key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It has not three parts with `+` between them.
    #[error("not a verifier key: expected <name>+<8 hex digits>+<base64>")]
    Form,
    /// Its third part is no Ed25519 key.
    #[error("the verifier key is not an Ed25519 key")]
    Key,
    /// Its second part does not follow from the others: a slip in copying.
    #[error("the verifier key was not copied whole: its id does not match")]
    Id,
}

/// Why a note, or its signature, will not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It is longer than [`NOTE_BYTES`], has no text or no signature, or has control characters.
    #[error("not a signed note: expected text, an empty line, and a line for each signature")]
    Form,
    /// No signature is of the key.
    #[error("the note is not signed with the key")]
    Unsigned,
    /// A signature claims to be of the key, and is not.
    #[error("the signature of the note is not valid")]
    Invalid,
}

impl VerifierKey {
    fn new(name: String, key: VerifyingKey) -> Self {
        let mut hash = Sha256::new();
        hash.update(&name);
        hash.update([b'\n', ED25519]);
        hash.update(key.as_bytes());
        let hash: [u8; 32] = hash.finalize().into();
        Self { name, id: [hash[0], hash[1], hash[2], hash[3]], key }
    }

    /// The name: the origin of the log it is for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether `note` is signed with this key. Signatures of other keys are not looked at.
    ///
    /// # Errors
    /// [`NoteError::Unsigned`] or [`NoteError::Invalid`].
    pub fn verify(&self, note: &SignedNote) -> Result<(), NoteError> {
        let own = note.signatures.iter().filter(|line| line.name == self.name && line.id == self.id);
        let mut found = Err(NoteError::Unsigned);
        for line in own {
            let signature = Signature::from_slice(&line.signature).map_err(|_| NoteError::Invalid)?;
            let checked = self.key.verify_strict(note.text.as_bytes(), &signature);
            found = Ok(checked.map_err(|_| NoteError::Invalid)?);
        }
        found
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519];
        key.extend(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, hex::encode(self.id), BASE64_STANDARD.encode(key))
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        // Base64 may have a `+`, names and ids may not.
        let mut parts = text.splitn(3, '+');
        let mut part = || parts.next().ok_or(KeyError::Form);
        let (name, id, key) = (part()?, part()?, part()?);
        let id = hex::decode(id).map_err(|_| KeyError::Form)?;
        if !is_name(name) || id.len() != 4 {
            return Err(KeyError::Form);
        }
        let key = BASE64_STANDARD.decode(key).map_err(|_| KeyError::Key)?;
        let Some((&ED25519, key)) = key.split_first() else { return Err(KeyError::Key) };
        let key = VerifyingKey::try_from(key).map_err(|_| KeyError::Key)?;
        let key = Self::new(name.to_owned(), key);
        if key.id == *id { Ok(key) } else { Err(KeyError::Id) }
    }
}

/// Text and its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    /// What is signed; ends with a line feed.
    pub text: String,
    /// By whom; at least one.
    pub signatures: Vec<NoteSignature>,
}

/// A line with a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// The name of the key.
    pub name: String,
    /// The first bytes of a hash of name and key, which tell keys of one name apart.
    pub id: [u8; 4],
    /// The signature; how long it is depends on the kind of key.
    pub signature: Vec<u8>,
}

impl SignedNote {
    pub(super) fn sign(text: String, origin: &Origin, signer: &dyn Signer) -> Self {
        let VerifierKey { name, id, .. } = signer.verifier_key(origin);
        let signature = signer.sign(text.as_bytes()).to_vec();
        Self { text, signatures: vec![NoteSignature { name, id, signature }] }
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for line in &self.signatures {
            let mut bytes = line.id.to_vec();
            bytes.extend(&line.signature);
            writeln!(f, "{DASH}{} {}", line.name, BASE64_STANDARD.encode(bytes))?;
        }
        Ok(())
    }
}

impl FromStr for SignedNote {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Self, NoteError> {
        let has_controls = note.bytes().any(|byte| byte < 0x20 && byte != b'\n');
        if note.len() > NOTE_BYTES || has_controls {
            return Err(NoteError::Form);
        }
        // The last empty line: text may have empty lines, signatures may not.
        let end = note.rfind("\n\n").ok_or(NoteError::Form)?;
        let (text, lines) = (&note[..=end], &note[end + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Form)?;
        let signatures: Vec<_> =
            lines.split('\n').take(SIGNATURES + 1).map(signature).collect::<Result<_, _>>()?;
        if signatures.len() > SIGNATURES {
            return Err(NoteError::Form);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }
}

fn signature(line: &str) -> Result<NoteSignature, NoteError> {
    let (name, rest) =
        line.strip_prefix(DASH).and_then(|line| line.split_once(' ')).ok_or(NoteError::Form)?;
    let bytes = BASE64_STANDARD.decode(rest).map_err(|_| NoteError::Form)?;
    match bytes.split_first_chunk() {
        Some((&id, signature)) if is_name(name) && !signature.is_empty() => {
            Ok(NoteSignature { name: name.to_owned(), id, signature: signature.to_vec() })
        }
        _ => Err(NoteError::Form),
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+')
}

#[cfg(test)]
mod tests {
    use super::{
        Ed25519Signer, KeyError, NOTE_BYTES, NoteError, SIGNATURES, SignedNote, Signer, VerifierKey,
    };
    use crate::id::EventId;
    use crate::proof::Origin;
    use proptest::prelude::{any, prop_assert_eq, proptest};
    use uuid::Uuid;

    // From the documentation of golang.org/x/mod/sumdb/note, whose format C2SP signed-note is.
    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your \
problem is.\n\n\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn signed() -> (SignedNote, VerifierKey) {
        let origin = Origin(EventId(Uuid::from_u128(1)));
        let signer = Ed25519Signer::from_seed([7; 32]);
        (SignedNote::sign("one\n\ntwo\n".to_owned(), &origin, &signer), signer.verifier_key(&origin))
    }

    #[test]
    fn a_note_of_another_implementation_is_verified() {
        let key: VerifierKey = KEY.parse().unwrap();
        assert_eq!((key.name(), key.to_string().as_str()), ("PeterNeumann", KEY));
        let note: SignedNote = NOTE.parse().unwrap();
        assert_eq!(key.verify(&note), Ok(()));
        assert_eq!(note.to_string(), NOTE);
        let changed: SignedNote = NOTE.replacen("you", "You", 1).parse().unwrap();
        assert_eq!(key.verify(&changed), Err(NoteError::Invalid));
    }

    #[test]
    fn text_may_have_empty_lines() {
        let (note, key) = signed();
        let read: SignedNote = note.to_string().parse().unwrap();
        assert_eq!(read.text, "one\n\ntwo\n");
        assert_eq!(key.verify(&read), Ok(()));
    }

    #[test]
    fn other_signatures_beside_ours_do_not_matter() {
        let (note, key) = signed();
        let both = note.to_string() + NOTE.rsplit_once("\n\n").unwrap().1;
        let both: SignedNote = both.parse().unwrap();
        assert_eq!((both.signatures.len(), key.verify(&both)), (2, Ok(())));
    }

    #[test]
    fn a_key_that_was_not_copied_whole_is_refused() {
        let of = |text: &str| text.parse::<VerifierKey>().unwrap_err();
        assert_eq!(of(""), KeyError::Form);
        assert_eq!(of("PeterNeumann+c74f20a3"), KeyError::Form);
        assert_eq!(of(&KEY.replacen("Peter", "Peter ", 1)), KeyError::Form);
        assert_eq!(of(&KEY.replacen("c74f", "c74", 1)), KeyError::Form);
        assert_eq!(of(&KEY.replacen("c74f", "d74f", 1)), KeyError::Id);
        assert_eq!(of(&KEY.replacen("Peter", "Petra", 1)), KeyError::Id);
        assert_eq!(of(&KEY[..KEY.len() - 4]), KeyError::Key);
        assert_eq!(of(&KEY.replacen("+AR", "+AB", 1)), KeyError::Key);
    }

    #[test]
    fn what_is_no_note_is_refused() {
        let (note, _) = signed();
        let whole = note.to_string();
        for bad in [
            "".to_owned(),
            "text\n".to_owned(),
            "text\n\n".to_owned(),
            whole.trim_end().to_owned(),
            whole.replacen('\u{2014}', "-", 1),
            whole.replacen("one", "o\te", 1),
            format!("{whole}\n"),
            "text\n\n\u{2014} name AAAA\n".to_owned(),
            "text\n\n\u{2014} na+me AAAAAAAA\n".to_owned(),
        ] {
            assert_eq!(bad.parse::<SignedNote>(), Err(NoteError::Form), "{bad:?}");
        }
    }

    #[test]
    fn a_note_has_an_end() {
        let (note, _) = signed();
        let padded = |bytes: usize| "x".repeat(bytes - note.to_string().len()) + &note.to_string();
        assert!(padded(NOTE_BYTES).parse::<SignedNote>().is_ok());
        assert_eq!(padded(NOTE_BYTES + 1).parse::<SignedNote>(), Err(NoteError::Form));
        let with = |count: usize| format!("x\n\n{}", "\u{2014} a AAAAAAAA\n".repeat(count));
        assert!(with(SIGNATURES).parse::<SignedNote>().is_ok());
        assert_eq!(with(SIGNATURES + 1).parse::<SignedNote>(), Err(NoteError::Form));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_readers_panic(text in "(.|\n|\u{2014}|\\+){0,200}") {
            let _ = text.parse::<SignedNote>();
            let _ = text.parse::<VerifierKey>();
            let _ = super::super::SignedCheckpoint::parse(&text);
        }

        #[test]
        fn one_changed_byte_is_noticed(at in any::<proptest::sample::Index>(), bit in 0_u32..8) {
            let (note, key) = signed();
            let mut bytes = note.to_string().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let changed = String::from_utf8(bytes).ok().and_then(|text| text.parse::<SignedNote>().ok());
            prop_assert_eq!(changed.is_some_and(|note| key.verify(&note).is_ok()), false);
        }
    }
}
