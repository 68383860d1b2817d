//! Options of the bus between nodes.

use super::entrance::span;
use crate::nodes::BusPlace;
use clap::Args;
use scanledger_bus_nats::{BusOptions, Limit, Retention};
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

/// What means that there is no limit.
const OFF: &str = "off";

/// Where the bus is, and how long it keeps events.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Bus")]
pub struct BusArgs {
    /// The bus between nodes, NATS with JetStream: `nats://host:4222`, or `tls://host:4222`; several servers of a
    /// cluster with commas between. Without one, nodes hear of each other through the log.
    #[arg(long, env = "SCANLEDGER_NATS", value_name = "URL", hide_env_values = true)]
    pub nats: Option<String>,
    /// A file with the credentials of a NATS user, as `nsc` writes it.
    #[arg(long, env = "SCANLEDGER_NATS_CREDS", value_name = "FILE", requires = "nats")]
    pub nats_creds: Option<PathBuf>,
    /// A file with certificates (PEM) of the authorities that vouch for the NATS servers, in place of those of the
    /// system; nothing is then said without TLS.
    #[arg(long, env = "SCANLEDGER_NATS_CA", value_name = "FILE", requires = "nats")]
    pub nats_ca: Option<PathBuf>,
    /// On how many servers of a cluster NATS keeps each event: 1, 3 or 5. Unless given, streams that are there stay as
    /// they are, and new ones have 1.
    #[arg(long, env = "SCANLEDGER_NATS_REPLICAS", value_name = "N", requires = "nats", value_parser = replicas)]
    pub nats_replicas: Option<u8>,
    /// How long NATS keeps events: `12h`, `30d`, or `off` for as long as there is room. Unless given, a stream that is
    /// there stays as it is, and a new one keeps everything.
    #[arg(long, env = "SCANLEDGER_NATS_MAX_AGE", value_name = "TIME", requires = "nats", value_parser = age)]
    pub nats_max_age: Option<Limit<Duration>>,
    /// How many bytes of events NATS keeps, or `off`; as `--nats-max-age`.
    #[arg(long, env = "SCANLEDGER_NATS_MAX_BYTES", value_name = "BYTES", requires = "nats", value_parser = bytes)]
    pub nats_max_bytes: Option<Limit<NonZeroU64>>,
}

impl BusArgs {
    /// Where the bus is, if there is one.
    pub fn place(&self) -> Option<BusPlace> {
        let options = BusOptions {
            credentials: self.nats_creds.clone(),
            root_certificates: self.nats_ca.clone(),
            retention: Retention { max_age: self.nats_max_age, max_bytes: self.nats_max_bytes },
            replicas: self.nats_replicas,
        };
        self.nats.clone().map(|url| BusPlace { url, options })
    }
}

fn replicas(text: &str) -> Result<u8, &'static str> {
    text.parse().ok().filter(|replicas| [1, 3, 5].contains(replicas)).ok_or("expected 1, 3 or 5")
}

fn age(text: &str) -> Result<Limit<Duration>, String> {
    if text == OFF { Ok(Limit::Off) } else { span(text).map(Limit::At) }
}

fn bytes(text: &str) -> Result<Limit<NonZeroU64>, &'static str> {
    match text {
        OFF => Ok(Limit::Off),
        _ => text.parse().map(Limit::At).map_err(|_| "expected a number of bytes, at least 1, or `off`"),
    }
}

#[cfg(test)]
mod tests {
    use super::{BusArgs, age, bytes, replicas};
    use clap::{Args, Command, FromArgMatches};
    use scanledger_bus_nats::Limit;
    use std::num::NonZeroU64;
    use std::time::Duration;

    fn parsed(line: &[&str]) -> Result<BusArgs, clap::Error> {
        let command = BusArgs::augment_args(Command::new("serve"));
        BusArgs::from_arg_matches(&command.try_get_matches_from([&["serve"][..], line].concat())?)
    }

    #[test]
    fn what_is_not_given_is_left_to_the_server() {
        let place = parsed(&["--nats", "nats://bus"]).unwrap().place().unwrap();
        assert_eq!(place.options, super::BusOptions::default());
        assert_eq!(parsed(&[]).unwrap().place(), None);
    }

    #[test]
    fn everything_that_is_given_reaches_the_bus() {
        let line = "--nats tls://bus --nats-creds c --nats-ca a --nats-replicas 3 --nats-max-age 30d --nats-max-bytes 9";
        let line: Vec<_> = line.split(' ').collect();
        let options = parsed(&line).unwrap().place().unwrap().options;
        assert_eq!(options.credentials, Some("c".into()));
        assert_eq!(options.root_certificates, Some("a".into()));
        assert_eq!(options.replicas, Some(3));
        assert_eq!(options.retention.max_age, Some(Limit::At(Duration::from_secs(30 * 86_400))));
        assert_eq!(options.retention.max_bytes, NonZeroU64::new(9).map(Limit::At));
    }

    #[test]
    fn limits_can_be_taken_away_and_make_sense() {
        assert_eq!((age("off"), bytes("off")), (Ok(Limit::Off), Ok(Limit::Off)));
        assert!(age("0").is_err() && age("often").is_err());
        assert!(bytes("0").is_err() && bytes("1G").is_err());
        for count in ["0", "2", "4", "6", "x"] {
            assert!(replicas(count).is_err(), "{count}");
        }
    }

    #[test]
    fn settings_of_a_bus_need_a_bus() {
        assert!(parsed(&["--nats-ca", "a"]).unwrap_err().to_string().contains("--nats <URL>"));
    }
}
