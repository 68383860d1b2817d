//! Options of what lets people in and out, and of what forgets them.

use super::{Json, StoreOptions};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use uuid::Uuid;

/// What to do with people.
#[derive(Debug, Subcommand)]
pub enum PeopleCommand {
    /// Show who there is: id, name, e-mail address and what they are. Works while a server runs.
    List {
        /// Where the data is.
        #[command(flatten)]
        store: StoreOptions,
        /// What is printed.
        #[command(flatten)]
        json: Json,
    },
    /// Give a person another password, from standard input, and end their sessions. Works while a server runs.
    #[command(after_help = "\
Example:
  pass show scanledger/ana | scanledger people set-password --email ana@acme.example")]
    SetPassword(PersonOptions),
    /// Let a person run the installation. Works while a server runs.
    Promote(PersonOptions),
    /// Let a person run the installation no more; the last one who does has to stay. Works while a server runs.
    Demote(PersonOptions),
    /// Let a person sign in again. Works while a server runs.
    Activate(PersonOptions),
    /// Let a person sign in no more, and end their sessions. Works while a server runs.
    Deactivate(PersonOptions),
    /// Forget a person for good, with an account or without one. Works while a server runs.
    #[command(after_help = "\
Their key is deleted, so that nothing that was sealed with it can be read: name and e-mail address, and the addresses
and user agents of their requests, in the log, exports, read models and backups of the data. So is what others said of
whoever has their address: authors of commits in scans that clients run, and invitations. What they did stays, by an
erased person; every proof stays valid. Their API keys are revoked, and read models are built anew.

Others speak of them by other addresses, and by names at a code host, which no account here has: --email and --login
name those, also of somebody who never had an account. What others say of these later is not kept.

A backup of the keys that was made before still has their key: delete it, and make a new one.

Interrupted, it is run again, or finished when a server starts.

Examples:
  scanledger people list
  scanledger people erase 018f2f6e-5b0a-7c3e-9f5e-0d1c2b3a4958 --login ana-l
  scanledger people erase --email eve@elsewhere.example && scanledger keys backup --out keys.json")]
    Erase(EraseOptions),
}

/// Who is to be forgotten.
#[derive(Debug, Args)]
pub struct EraseOptions {
    /// Where the data is.
    #[command(flatten)]
    pub store: StoreOptions,
    /// The person's id; none for who never had an account.
    #[arg(value_name = "USER_ID", required_unless_present_any = ["emails", "logins"])]
    pub user: Option<Uuid>,
    /// E-mail addresses by which others spoke of them, besides that of their account; with commas between, or one by
    /// one.
    #[arg(long = "email", env = "SCANLEDGER_ERASE_EMAIL", value_name = "E-MAIL", value_delimiter = ',',
          value_parser = NonEmptyStringValueParser::new())]
    pub emails: Vec<String>,
    /// Names at a code host by which others spoke of them; names of authors without an address or such a name, too. One
    /// by one, because names have commas; in the environment there is one.
    #[arg(long = "login", env = "SCANLEDGER_ERASE_LOGIN", value_name = "NAME",
          value_parser = NonEmptyStringValueParser::new())]
    pub logins: Vec<String>,
    /// API keys that belong to no person and that this person alone used; with commas between, or one by one.
    /// Addresses and user agents of their requests are erased too, and they are revoked.
    #[arg(long = "key", env = "SCANLEDGER_ERASE_KEY", value_name = "KEY_ID", value_delimiter = ',')]
    pub keys: Vec<Uuid>,
    /// What is printed.
    #[command(flatten)]
    pub json: Json,
}

/// Which person.
#[derive(Debug, Args)]
pub struct PersonOptions {
    /// Where the data is.
    #[command(flatten)]
    pub store: StoreOptions,
    /// Their e-mail address.
    #[arg(long, env = "SCANLEDGER_PERSON_EMAIL", value_name = "E-MAIL")]
    pub email: String,
    /// What is printed.
    #[command(flatten)]
    pub json: Json,
}
