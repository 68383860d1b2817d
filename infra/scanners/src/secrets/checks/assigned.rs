//! What tells a value that somebody made up from a name in code.

/// Whether letters and digits are mixed as in something random: names in code have their digits in one place,
/// as in `ed25519_key`, `TLS13_INTERNAL` or `standard_b64encode`.
pub fn is_mixed(value: &[u8]) -> bool {
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let numbers = value.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit());
    let numbers = numbers.filter(|run| run[0].is_ascii_digit()).count();
    letters >= 2 && numbers >= 2 && !is_call_or_path(value) && !is_constant(value)
}

/// `config.value`, `a/b/c`: words with separators and hardly a digit between them.
fn is_call_or_path(value: &[u8]) -> bool {
    let words = value.split(|byte| matches!(byte, b'.' | b'/' | b'-' | b'_')).filter(|word| !word.is_empty());
    let (mut all, mut plain) = (0, 0);
    for word in words {
        all += 1;
        plain +=
            usize::from(word.iter().filter(|byte| byte.is_ascii_digit()).count() <= 1 && word.len() <= 12);
    }
    all >= 3 && plain * 3 >= all * 2
}

/// `SHA256_WITH_RSA2048`.
fn is_constant(value: &[u8]) -> bool {
    value.contains(&b'_') && !value.iter().any(u8::is_ascii_lowercase)
}

/// Whether somebody chose it with care: letters, and digits or signs that names do not have.
pub fn is_password(value: &[u8]) -> bool {
    let is_sign =
        |byte: &u8| !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'-' | b'.' | b'/' | b':');
    // Dates have a letter or two.
    let has_letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count() > 2;
    let is_code = value.iter().any(|byte| matches!(byte, b'(' | b')' | b'{' | b'}' | b'[' | b']' | b';'));
    has_letters
        && !is_code
        && value.iter().any(|byte| byte.is_ascii_digit() || is_sign(byte))
        && !is_call_or_path(value)
        && !is_field(value)
        && !is_hash(value)
}

/// `password1`, `sha256_password`: what fields and methods are called.
fn is_field(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    let digits = lower.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let is_name = lower.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    is_name && digits < 3 && lower.windows(8).any(|window| window == b"password")
}

/// What a hash of a password looks like (the PHC string format, `crypt`): with it nobody signs in.
fn is_hash(value: &[u8]) -> bool {
    value.first() == Some(&b'$') && value.iter().filter(|byte| **byte == b'$').count() >= 3
}

/// What images and tutorials use, and variables of templates.
pub fn is_no_default_password(value: &[u8]) -> bool {
    const DEFAULTS: [&[u8]; 17] = [
        b"password",
        b"passwd",
        b"postgres",
        b"mysql",
        b"mariadb",
        b"mongodb",
        b"rabbitmq",
        b"secret",
        b"admin",
        b"username",
        b"user",
        b"guest",
        b"docker",
        b"localhost",
        b"opensesame",
        b"s3cret",
        b"secret123",
    ];
    let is_variable = matches!(value.first(), Some(b'$' | b'%' | b'{' | b'*'));
    !is_variable && !DEFAULTS.iter().any(|default| value.eq_ignore_ascii_case(default))
}
