//! What the servers took.

use crate::variable;
use serde_json::Value;

/// Every message to an address, in order of their arrival.
pub(crate) fn messages_to(address: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(variable("SCANLEDGER_TEST_SMTP_INBOX")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let number: u64 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let message: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        if message["to"].as_array().unwrap().iter().any(|to| to == address) {
            found.push((number, message));
        }
    }
    found.sort_by_key(|(number, _)| *number);
    found.into_iter().map(|(_, message)| message).collect()
}

/// The values of a header.
pub(crate) fn header<'a>(message: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = message["headers"].as_array().unwrap();
    headers.iter().filter(|header| header[0] == name).map(|header| header[1].as_str().unwrap()).collect()
}
