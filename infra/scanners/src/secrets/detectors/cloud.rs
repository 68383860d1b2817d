//! Clouds, hosting, and networks between machines.

use super::{Detector, named, specific, token};
use crate::secrets::checks;
use scanledger_domain::secret::SecretFamily::{ApiKey, Credentials, CryptographicKey, Token};
use scanledger_domain::secret::{DetectorFacts, SecretCategory, SecretFamily};
use scanledger_domain::severity::Severity::{Critical, High, Medium};

const fn cloud(
    id: &'static str,
    title: &'static str,
    provider: &'static str,
    family: SecretFamily,
) -> DetectorFacts {
    specific(id, title, provider, family, SecretCategory::CloudProvider)
}

pub(super) const LIST: &[Detector] = &[
    Detector::on_line(
        cloud("AWS_SECRET_KEY", "AWS secret access key", "AWS", CryptographicKey),
        Critical,
        "signs requests to Amazon Web Services",
        &["secret_key", "secret_access_key", "secretaccesskey", "secretkey", "secret-access-key"],
        r#"(?im)(?:aws[_-]?secret[_-]?(?:access[_-]?)?key|secret[_-]?access[_-]?key)(?:[_-]?id)?["']?\s*(?:=|:|=>|:=)\s*["']?(?P<secret>[A-Za-z0-9/+]{40})(?:["'\s,;]|$)"#,
    )
    .entropy(4.0),
    Detector::token(
        cloud("AWS_ACCESS_KEY", "AWS access key id", "AWS", ApiKey),
        High,
        "names an account of Amazon Web Services; with its secret it signs requests",
        &["AKIA", "ASIA"],
        r"\b(?P<secret>(?:AKIA|ASIA)[A-Z2-7]{16})\b",
    ),
    Detector::token(
        cloud("AWS_BEDROCK_KEY", "Amazon Bedrock API key", "AWS", ApiKey),
        High,
        "uses models at the owner's expense",
        &["ABSK"],
        r"\b(?P<secret>ABSK(?P<body>[A-Za-z0-9+/]{109,269}={0,2}))",
    )
    .entropy(4.5)
    .checked(checks::is_bedrock_key),
    Detector::token(
        cloud("AWS_MWS_TOKEN", "Amazon Marketplace token", "Amazon Marketplace", Token),
        High,
        "reads and changes a seller's orders",
        &["amzn.mws."],
        token!(r"amzn\.mws\.", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ),
    Detector::token(
        cloud("GOOGLE_API_KEY", "Google API key", "Google", ApiKey),
        High,
        "calls Google services at the owner's expense",
        &["AIza"],
        token!("AIza", "[0-9A-Za-z_-]{35}"),
    ),
    Detector::token(
        cloud("GOOGLE_OAUTH_SECRET", "Google OAuth client secret", "Google", Credentials),
        High,
        "identifies an application to Google's sign-in",
        &["GOCSPX-"],
        token!("GOCSPX-", "[A-Za-z0-9_-]{28}"),
    ),
    Detector::token(
        cloud("GOOGLE_OAUTH_TOKEN", "Google OAuth access token", "Google", Token),
        Medium,
        "acts as whoever signed in with Google until it expires",
        &["ya29."],
        token!(r"ya29\.", "[A-Za-z0-9_-]{68,1024}"),
    )
    .entropy(4.0),
    Detector::on_line(
        cloud("AZURE_CONNECTION_STRING", "Azure storage account key", "Azure", CryptographicKey),
        Critical,
        "reads and writes everything in an Azure storage account",
        &["AccountKey="],
        r"(?i)AccountKey=(?P<secret>[A-Za-z0-9+/]{86}==)",
    )
    .entropy(4.0),
    Detector::on_line(
        cloud("AZURE_SHARED_ACCESS_KEY", "Azure shared access key", "Azure", CryptographicKey),
        High,
        "sends and receives on Azure Service Bus, Event Hubs or IoT Hub",
        &["SharedAccessKey="],
        r"(?i)SharedAccessKey=(?P<secret>[A-Za-z0-9+/]{43}=)",
    )
    .entropy(4.0),
    Detector::on_line(
        cloud("AZURE_CLIENT_SECRET", "Azure application secret", "Azure", Credentials),
        Critical,
        "signs in as an application in Microsoft Entra ID",
        &["Q~"],
        r"(?:^|[^A-Za-z0-9_~.-])(?P<secret>[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34})(?:[^A-Za-z0-9_~.-]|$)",
    )
    .entropy(3.5),
    // Microsoft's common annotated security keys: the marker stands at characters 53 to 58.
    Detector::on_line(
        cloud("AZURE_IDENTIFIABLE_KEY", "Azure key", "Azure", CryptographicKey),
        Critical,
        "opens a service in Azure, or a project in Azure DevOps",
        &["JQQJ9"],
        r"\b(?P<secret>[A-Za-z0-9]{52}JQQJ9[9DH][A-Za-z0-9][A-L][A-Za-z0-9]{16}[A-Za-z][A-Za-z0-9]{7}(?:[A-Za-z0-9]{2}==)?)(?:[^A-Za-z0-9=]|$)",
    )
    .entropy(4.0),
    Detector::token(
        cloud("ALIBABA_ACCESS_KEY", "Alibaba Cloud access key id", "Alibaba Cloud", ApiKey),
        High,
        "names an account of Alibaba Cloud; with its secret it signs requests",
        &["LTAI"],
        token!("LTAI", "[A-Za-z0-9]{20}|[A-Za-z0-9]{12}"),
    )
    .entropy(3.3)
    .confidence(0.85),
    Detector::token(
        cloud("TENCENT_SECRET_ID", "Tencent Cloud secret id", "Tencent Cloud", ApiKey),
        High,
        "names an account of Tencent Cloud; with its key it signs requests",
        &["AKID"],
        token!("AKID", "[A-Za-z0-9]{32}"),
    )
    .entropy(3.5),
    Detector::token(
        cloud("YANDEX_API_KEY", "Yandex Cloud API key", "Yandex Cloud", ApiKey),
        High,
        "calls services of Yandex Cloud",
        &["AQVN"],
        token!("AQVN", "[A-Za-z0-9_-]{35,38}"),
    )
    .entropy(3.5),
    Detector::token(
        cloud("YANDEX_IAM_TOKEN", "Yandex Cloud IAM token", "Yandex Cloud", Token),
        Medium,
        "acts as its owner in Yandex Cloud until it expires",
        &["t1."],
        r"\b(?P<secret>t1\.(?P<body>[A-Za-z0-9_-]{20,400}={0,2}\.[A-Za-z0-9_-]{86})={0,2})",
    )
    .entropy(4.0),
    Detector::token(
        cloud("DIGITALOCEAN_TOKEN", "DigitalOcean token", "DigitalOcean", Token),
        Critical,
        "manages servers and data at DigitalOcean",
        &["dop_v1_", "doo_v1_", "dor_v1_"],
        token!("do[opr]_v1_", "[0-9a-f]{64}"),
    ),
    Detector::token(
        cloud("HEROKU_PLATFORM_TOKEN", "Heroku token", "Heroku", Token),
        High,
        "manages applications at Heroku",
        &["HRKU-AA"],
        token!("HRKU-AA", "[0-9A-Za-z_-]{58}"),
    ),
    Detector::token(
        cloud("CLOUDFLARE_ORIGIN_CA_KEY", "Cloudflare origin CA key", "Cloudflare", ApiKey),
        High,
        "issues certificates for servers behind Cloudflare",
        &["v1.0-"],
        token!(r"v1\.0-", "[0-9a-f]{24}-[0-9a-f]{146}"),
    ),
    Detector::token(
        cloud("FLYIO_TOKEN", "Fly.io token", "Fly.io", Token),
        Critical,
        "deploys and deletes applications at Fly.io",
        &["fo1_", "fm1r_", "fm1a_", "fm2_"],
        r"\b(?P<secret>(?:fo1_(?:[A-Za-z0-9_-]{43})|(?:fm1[ar]|fm2)_[A-Za-z0-9+/]{100,1000}={0,3}))(?:[^A-Za-z0-9_+/-]|$)",
    )
    .entropy(4.0),
    Detector::token(
        cloud("NETLIFY_TOKEN", "Netlify token", "Netlify", Token),
        High,
        "deploys sites at Netlify",
        &["nfp_"],
        token!("nfp_", "[A-Za-z0-9]{36}"),
    )
    .entropy(3.5),
    Detector::token(
        cloud("VERCEL_BLOB_TOKEN", "Vercel Blob token", "Vercel", Token),
        High,
        "reads and writes a Vercel Blob store",
        &["vercel_blob_rw_"],
        token!("vercel_blob_rw_", "[A-Za-z0-9]{16}_[A-Za-z0-9]{30,32}"),
    ),
    Detector::token(
        cloud("SCALINGO_TOKEN", "Scalingo token", "Scalingo", Token),
        High,
        "manages applications at Scalingo",
        &["tk-us-"],
        token!("tk-us-", "[A-Za-z0-9_-]{48}"),
    )
    .entropy(3.5),
    Detector::on_line(
        cloud("TERRAFORM_CLOUD_TOKEN", "Terraform Cloud token", "Terraform Cloud", Token),
        Critical,
        "plans and applies infrastructure in Terraform Cloud",
        &[".atlasv1."],
        r"\b(?P<secret>[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70})",
    ),
    Detector::token(
        cloud("PULUMI_TOKEN", "Pulumi token", "Pulumi", Token),
        Critical,
        "changes infrastructure through Pulumi",
        &["pul-"],
        token!("pul-", "[0-9a-f]{40}"),
    ),
    Detector::token(
        cloud("TAILSCALE_KEY", "Tailscale key", "Tailscale", CryptographicKey),
        High,
        "joins machines to a private network",
        &["tskey-"],
        token!("tskey-(?:auth|api|client|webhook|scim)-", "[0-9A-Za-z]{8,32}-[0-9A-Za-z]{16,64}"),
    ),
    Detector::token(
        cloud("DEFINED_NETWORKING_KEY", "Defined Networking key", "Defined Networking", ApiKey),
        High,
        "manages the hosts of a private network",
        &["dnkey-"],
        token!("dnkey-", "[A-Za-z0-9=_-]{26}-[A-Za-z0-9=_-]{52}"),
    ),
    Detector::on_line(
        cloud("CLOUDINARY_URL", "Cloudinary secret", "Cloudinary", Credentials),
        High,
        "reads, changes and deletes a site's images",
        &["cloudinary://"],
        r"\bcloudinary://[0-9]{15}:(?P<secret>[A-Za-z0-9_-]{27})@[a-z0-9]",
    )
    .entropy(3.5),
    Detector::named(
        cloud("HEROKU_API_KEY", "Heroku API key", "Heroku", ApiKey),
        High,
        "manages applications at Heroku",
        &["heroku"],
        named!("heroku", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ),
    Detector::named(
        cloud("CLOUDFLARE_API_TOKEN", "Cloudflare API token", "Cloudflare", Token),
        High,
        "manages domains and services at Cloudflare",
        &["cloudflare", "cf_api"],
        named!("cloudflare|cf_api", "[A-Za-z0-9_-]{40}"),
    ).entropy(4.0),
    Detector::named(
        cloud("ALIBABA_ACCESS_SECRET", "Alibaba Cloud access key secret", "Alibaba Cloud", CryptographicKey),
        Critical,
        "signs requests to Alibaba Cloud",
        &["alibaba", "aliyun"],
        named!("alibaba|aliyun", "[A-Za-z0-9]{30}"),
    ).entropy(3.5),
    Detector::named(
        cloud("TENCENT_SECRET_KEY", "Tencent Cloud secret key", "Tencent Cloud", CryptographicKey),
        Critical,
        "signs requests to Tencent Cloud",
        &["tencent"],
        named!("tencent", "[A-Za-z0-9]{32}"),
    ).entropy(3.7),
    Detector::named(
        cloud("SCALEWAY_SECRET_KEY", "Scaleway secret key", "Scaleway", ApiKey),
        Critical,
        "manages servers and data at Scaleway",
        &["scaleway", "scw_secret"],
        named!(r"scaleway|\bscw_", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ),
    Detector::named(
        cloud("RAILWAY_TOKEN", "Railway token", "Railway", Token),
        High,
        "deploys applications at Railway",
        &["railway"],
        named!("railway", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ),
    Detector::named(
        cloud("LINODE_TOKEN", "Linode token", "Linode", Token),
        Critical,
        "manages servers and data at Linode",
        &["linode"],
        named!("linode", "[0-9a-f]{64}"),
    ),
    Detector::named(
        cloud("HETZNER_TOKEN", "Hetzner Cloud token", "Hetzner", Token),
        Critical,
        "manages servers and data at Hetzner Cloud",
        &["hcloud", "hetzner"],
        named!("hcloud|hetzner", "[A-Za-z0-9]{64}"),
    ).entropy(4.0),
    Detector::named(
        cloud("IBM_CLOUD_API_KEY", "IBM Cloud API key", "IBM Cloud", ApiKey),
        Critical,
        "acts as its owner in IBM Cloud",
        &["ibmcloud", "ibm_cloud", "ibm-cloud", "bluemix"],
        named!("ibm[_-]?cloud|bluemix", "[A-Za-z0-9_-]{44}"),
    ).entropy(4.0),
    Detector::named(
        cloud("FASTLY_TOKEN", "Fastly token", "Fastly", Token),
        High,
        "changes how sites are delivered by Fastly",
        &["fastly"],
        named!("fastly", "[A-Za-z0-9_-]{32}"),
    ).entropy(3.7),
    Detector::named(
        cloud("NGROK_TOKEN", "ngrok token", "ngrok", Token),
        Medium,
        "opens tunnels as its owner",
        &["ngrok"],
        named!("ngrok", "[12][A-Za-z0-9]{26}_[A-Za-z0-9]{20,22}"),
    ).entropy(3.5),
];
