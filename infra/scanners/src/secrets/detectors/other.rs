//! Maps, media, devices and whatever else has a key.

use super::{Detector, named, specific, token};
use crate::secrets::checks;
use scanledger_domain::secret::SecretFamily::{ApiKey, Credentials, Token};
use scanledger_domain::secret::{DetectorFacts, SecretCategory, SecretFamily};
use scanledger_domain::severity::Severity::{High, Medium};

const fn other(
    id: &'static str,
    title: &'static str,
    provider: &'static str,
    family: SecretFamily,
) -> DetectorFacts {
    specific(id, title, provider, family, SecretCategory::Other)
}

pub(super) const LIST: &[Detector] = &[
    Detector::token(
        other("MAPBOX_SECRET_TOKEN", "Mapbox secret token", "Mapbox", Token),
        Medium,
        "manages maps at the owner's expense",
        &["sk.eyJ"],
        r"\b(?P<secret>sk\.eyJ[A-Za-z0-9_-]{40,200}\.(?P<body>[A-Za-z0-9_-]{20,60}))",
    )
    .checked(checks::is_mapbox_token),
    Detector::on_line(
        other("FIREBASE_SERVER_KEY", "Firebase Cloud Messaging server key", "Firebase", ApiKey),
        High,
        "sends notifications to everybody who has the application",
        &[":APA91b"],
        r"\b(?P<secret>AAAA[A-Za-z0-9_-]{7}:(?P<body>APA91b[A-Za-z0-9_-]{134}))(?:[^A-Za-z0-9_-]|$)",
    ),
    Detector::on_line(
        other("MAXMIND_LICENSE_KEY", "MaxMind license key", "MaxMind", ApiKey),
        Medium,
        "downloads databases at the owner's expense",
        &["_mmk"],
        r"\b(?P<secret>[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk)\b",
    ),
    Detector::on_line(
        other("RAPIDAPI_KEY", "RapidAPI key", "RapidAPI", ApiKey),
        Medium,
        "calls services at the owner's expense",
        &["jsn"],
        r"\b(?P<secret>[A-Za-z0-9]{10}msh[A-Za-z0-9]{15}p1[A-Za-z0-9]{6}jsn[A-Za-z0-9]{12})\b",
    ),
    Detector::token(
        other("ADOBE_CLIENT_SECRET", "Adobe client secret", "Adobe", Credentials),
        High,
        "identifies an application to Adobe's services",
        &["p8e-"],
        token!("p8e-", "[A-Za-z0-9_-]{32}"),
    ),
    Detector::token(
        other("ADAFRUIT_IO_KEY", "Adafruit IO key", "Adafruit", ApiKey),
        Medium,
        "reads and controls devices",
        &["aio_"],
        token!("aio_", "[A-Za-z0-9]{28}"),
    )
    .entropy(3.5),
    Detector::token(
        other("TWITTER_BEARER_TOKEN", "X bearer token", "X", Token),
        High,
        "reads posts at the owner's expense",
        &["AAAAAAAAAAAAAAAAAAAAAA"],
        r"\b(?P<secret>A{22}(?P<body>[A-Za-z0-9%]{80,100}))(?:[^A-Za-z0-9%]|$)",
    )
    .entropy(4.0),
    Detector::named(
        other("SPOTIFY_CLIENT_SECRET", "Spotify client secret", "Spotify", Credentials),
        Medium,
        "identifies an application to Spotify's sign-in",
        &["spotify"],
        named!("spotify", "[0-9a-f]{32}"),
    ),
    Detector::named(
        other("TWITCH_CLIENT_SECRET", "Twitch client secret", "Twitch", Credentials),
        Medium,
        "identifies an application to Twitch's sign-in",
        &["twitch"],
        named!("twitch", "[0-9a-z]{30}"),
    )
    .entropy(3.5),
    Detector::named(
        other("SHODAN_API_KEY", "Shodan API key", "Shodan", ApiKey),
        Medium,
        "searches at the owner's expense",
        &["shodan"],
        named!("shodan", "[A-Za-z0-9]{32}"),
    )
    .entropy(3.7),
    Detector::named(
        other("VIRUSTOTAL_API_KEY", "VirusTotal API key", "VirusTotal", ApiKey),
        Medium,
        "looks files up at the owner's expense",
        &["virustotal", "vt_api_key"],
        named!(r"virustotal|\bvt_", "[0-9a-f]{64}"),
    ),
    Detector::named(
        other("INFURA_API_KEY", "Infura API key", "Infura", ApiKey),
        Medium,
        "calls blockchains at the owner's expense",
        &["infura"],
        named!("infura", "[0-9a-f]{32}"),
    ),
    Detector::named(
        other("FACEBOOK_TOKEN", "Meta access token", "Meta", Token),
        High,
        "acts as a person, page or application on Facebook",
        &["facebook", "fb_access", "instagram", "whatsapp"],
        named!(r"facebook|\bfb_|instagram|whatsapp", "EAA[A-Za-z0-9]{80,300}"),
    )
    .entropy(4.0),
];
