//! Where and how a server runs.

use super::{EntranceOptions, GitHubOptions};
use crate::data::DataFolder;
use crate::nodes::{BusPlace, VIEWS_EVENTS};
use crate::place::LogPlace;
use anyhow::{Context, Result};
use metrics_exporter_prometheus::PrometheusHandle;
use scanledger_api::limit::Settings;
use scanledger_blobs::Blobs;
use scanledger_domain::limits::{BLOB_GRACE, DOCUMENT_CALLS};
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

/// Where and how a server runs.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The data folder.
    pub folder: DataFolder,
    /// Where the event log is.
    pub log: LogPlace,
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where blobs are.
    pub blobs: BlobPlace,
    /// Where the bus between nodes is, if there is one.
    pub bus: Option<BusPlace>,
    /// What this node does.
    pub duty: Duty,
    /// After how many events another copy of the read models is shared, where nodes share a log.
    pub share_views: NonZeroU64,
    /// How much later than what named them is deleted blobs are removed.
    pub blob_grace: Duration,
    /// What clients may ask of it, and which proxies in front of it are trusted.
    pub limits: Settings,
    /// How many requests to search documents an organization may make in 30 days.
    pub scan_quota: u64,
    /// The program of an engine that reads rules before clients do, if there is one.
    pub semgrep: Option<PathBuf>,
    /// How people come in.
    pub entrance: EntranceOptions,
    /// The GitHub App through which repositories are scanned, if there is one.
    pub github: Option<GitHubOptions>,
    /// Renders the metrics of this process, if a recorder is installed.
    pub recorder: Option<PrometheusHandle>,
}

impl ServerOptions {
    /// A server on `data`, on a free port of this machine.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            folder: DataFolder::new(data),
            log: LogPlace::Folder,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            blobs: BlobPlace::Folder,
            bus: None,
            duty: Duty::Everything { workers: 2 },
            share_views: VIEWS_EVENTS,
            blob_grace: BLOB_GRACE,
            limits: Settings::default(),
            scan_quota: DOCUMENT_CALLS,
            semgrep: None,
            entrance: EntranceOptions::default(),
            github: None,
            recorder: None,
        }
    }
}

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// Answers requests, and runs so many scans at the same time.
    Everything {
        /// How many.
        workers: usize,
    },
    /// Answers requests; scans are left to others.
    Answers,
    /// Runs so many scans at the same time; answers probes only.
    Works {
        /// How many.
        workers: usize,
    },
}

impl Duty {
    /// How many scans run here at the same time.
    pub const fn workers(self) -> usize {
        match self {
            Self::Everything { workers } | Self::Works { workers } => workers,
            Self::Answers => 0,
        }
    }
}

/// Where blobs are kept.
#[derive(Debug, Clone)]
pub enum BlobPlace {
    /// In the data folder.
    Folder,
    /// At a URL (`s3://…`, `file:///…`).
    Url {
        /// The URL.
        url: String,
        /// Settings such as `AWS_REGION`.
        settings: Vec<(String, String)>,
    },
}

impl BlobPlace {
    /// The store there.
    pub(crate) fn open(&self, folder: &DataFolder) -> Result<Blobs> {
        match self {
            Self::Folder => Blobs::local(folder.blobs()).context("while opening the folder of blobs"),
            Self::Url { url, settings } => {
                let settings = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                Blobs::from_url(url, settings).with_context(|| format!("while opening the blob store {url}"))
            }
        }
    }
}
