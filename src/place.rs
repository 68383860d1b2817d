//! Where the event log is.

use std::fmt;
use url::Url;

/// Where the event log is. Shown without its password.
#[derive(Clone, PartialEq, Eq)]
pub enum LogPlace {
    /// A SQLite file in the data folder.
    Folder,
    /// A PostgreSQL database, which several nodes share.
    Postgres(Url),
    /// A KurrentDB or EventStoreDB, for one node.
    Kurrent(Url),
}

impl LogPlace {
    /// Reads what people write: `sqlite`, or a `postgres://…` URL.
    ///
    /// # Errors
    /// A sentence that says what is wrong and shows no password.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "sqlite" {
            return Ok(Self::Folder);
        }
        // What cannot be read is not shown: it may hold a password all the same.
        let url = Url::parse(text).map_err(|error| format!("expected `sqlite` or a URL: {error}"))?;
        match url.scheme() {
            "postgres" | "postgresql" => Ok(Self::Postgres(url)),
            "kurrentdb" | "kurrentdb+discover" | "esdb" | "esdb+discover" if cfg!(feature = "kurrentdb") => {
                Ok(Self::Kurrent(url))
            }
            "kurrentdb" | "kurrentdb+discover" | "esdb" | "esdb+discover" => {
                Err("this build has no adapter for KurrentDB: build it with `--features kurrentdb`"
                    .to_owned())
            }
            other => Err(format!(
                "there is no adapter for `{other}` logs; `sqlite` is the log in the data folder, and \
                 `postgres://…` one that several nodes share"
            )),
        }
    }

    /// Whether several nodes can use it at the same time.
    pub const fn is_shared(&self) -> bool {
        match self {
            Self::Folder | Self::Kurrent(_) => false,
            Self::Postgres(_) => true,
        }
    }
}

impl fmt::Display for LogPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder => f.write_str("sqlite"),
            Self::Postgres(url) | Self::Kurrent(url) => {
                let host = url.host_str().unwrap_or("localhost");
                write!(f, "{}://{host}", url.scheme())?;
                if let Some(port) = url.port() {
                    write!(f, ":{port}")?;
                }
                f.write_str(url.path())
            }
        }
    }
}

impl fmt::Debug for LogPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::LogPlace;

    #[test]
    fn a_place_is_the_folder_or_a_database() {
        assert_eq!(LogPlace::parse("sqlite"), Ok(LogPlace::Folder));
        assert!(!LogPlace::Folder.is_shared());
        let place = LogPlace::parse("postgresql://ana:s3cret@db:5433/scans?sslmode=require").unwrap();
        assert!(place.is_shared());
        assert_eq!(format!("{place} {place:?}"), "postgresql://db:5433/scans postgresql://db:5433/scans");
    }

    #[test]
    fn what_it_cannot_be_is_refused_without_showing_a_password() {
        assert!(
            LogPlace::parse("mysql://a:s3cret@db/x").unwrap_err().contains("no adapter for `mysql` logs")
        );
        let kurrent = LogPlace::parse("esdb://ana:s3cret@db:2113?tls=false");
        if cfg!(feature = "kurrentdb") {
            assert_eq!(kurrent.unwrap().to_string(), "esdb://db:2113");
        } else {
            assert!(kurrent.unwrap_err().contains("--features kurrentdb"));
        }
        for text in ["", "log.db", "postgres//a:s3cret@db/x", "postgres://a:s3cret@db:notaport/x"] {
            let refused = LogPlace::parse(text).unwrap_err();
            assert!(!refused.contains("s3cret"), "{refused}");
        }
    }
}
