//! Deliveries, signed by the stub.

use scanledger_commands::ports::{SignatureRefusal, WebhookSecret};
use scanledger_github_stub::{GitHubStub, WEBHOOK_SECRET};

#[test]
fn a_delivery_is_the_hosts_word_if_it_is_signed_as_it_is() {
    let secret = WebhookSecret::new(WEBHOOK_SECRET).unwrap();
    let body = br#"{"action":"opened"}"#;
    let signature = GitHubStub::sign(body);
    assert_eq!(secret.verify(body, Some(&signature)), Ok(()));
    let changed = br#"{"action":"opened" }"#;
    assert_eq!(secret.verify(changed, Some(&signature)), Err(SignatureRefusal::Wrong));
    assert_eq!(secret.verify(body, Some(&signature[..70])), Err(SignatureRefusal::Malformed));
    assert_eq!(secret.verify(body, None), Err(SignatureRefusal::Missing));
    let other = WebhookSecret::new("another").unwrap();
    assert_eq!(other.verify(body, Some(&signature)), Err(SignatureRefusal::Wrong));
}
