//! Payments, shops and parcels.

use super::{Detector, named, specific, token, uuid};
use scanledger_domain::secret::SecretFamily::{ApiKey, CryptographicKey, Token};
use scanledger_domain::secret::{DetectorFacts, SecretCategory, SecretFamily};
use scanledger_domain::severity::Severity::{Critical, High, Low, Medium};

const fn payment(
    id: &'static str,
    title: &'static str,
    provider: &'static str,
    family: SecretFamily,
) -> DetectorFacts {
    specific(id, title, provider, family, SecretCategory::PaymentSystem)
}

pub(super) const LIST: &[Detector] = &[
    Detector::named(
        payment("PAYSTACK_SECRET_KEY", "Paystack secret key", "Paystack", ApiKey),
        Critical,
        "takes payments as its owner",
        &["paystack"],
        named!("paystack", "sk_(?:live|test)_[0-9a-f]{40}"),
    ),
    Detector::token(
        payment("STRIPE_SECRET_KEY", "Stripe secret key", "Stripe", ApiKey),
        Critical,
        "moves money and reads customers at Stripe",
        &["sk_live_", "rk_live_"],
        token!("[sr]k_live_", "[0-9A-Za-z]{16,247}"),
    ),
    Detector::token(
        payment("STRIPE_TEST_KEY", "Stripe test key", "Stripe", ApiKey),
        Low,
        "uses the test mode of a Stripe account",
        &["sk_test_", "rk_test_"],
        token!("[sr]k_test_", "[0-9A-Za-z]{16,247}"),
    ),
    Detector::token(
        payment("STRIPE_PUBLISHABLE_KEY", "Stripe publishable key", "Stripe", ApiKey),
        Low,
        "names a Stripe account; it is meant to be public",
        &["pk_live_", "pk_test_"],
        token!("pk_(?:live|test)_", "[0-9A-Za-z]{16,247}"),
    )
    .confidence(0.6),
    Detector::token(
        payment("STRIPE_WEBHOOK_SECRET", "Stripe webhook secret", "Stripe", CryptographicKey),
        Medium,
        "lets anybody forge events that look like Stripe's",
        &["whsec_"],
        r"\b(?P<secret>whsec_(?P<body>[A-Za-z0-9+/]{32,64}={0,2}))",
    ),
    Detector::token(
        payment("SQUARE_TOKEN", "Square credential", "Square", Token),
        High,
        "takes payments as its owner",
        &["sq0csp-", "sq0atp-"],
        r"\b(?P<secret>sq0(?:csp-[A-Za-z0-9_-]{43}|atp-[A-Za-z0-9_-]{22}))(?:[^A-Za-z0-9_-]|$)",
    ),
    Detector::token(
        payment("BRAINTREE_TOKEN", "Braintree access token", "Braintree", Token),
        Critical,
        "takes payments as its owner",
        &["access_token$production$"],
        r"(?P<secret>access_token\$production\$(?P<body>[0-9a-z]{16}\$[0-9a-f]{32}))\b",
    ),
    Detector::token(
        payment("ADYEN_API_KEY", "Adyen API key", "Adyen", ApiKey),
        Critical,
        "takes payments as its owner",
        &["AQE"],
        r#"\b(?P<secret>AQE(?P<body>[a-z][A-Za-z0-9+/]{80,120}={0,2}-[A-Za-z0-9+/]{43}=-)[!#-&(-~]{16})(?:["'\s]|$)"#,
    )
    .entropy(4.0),
    Detector::token(
        payment("FLUTTERWAVE_SECRET_KEY", "Flutterwave secret key", "Flutterwave", ApiKey),
        Critical,
        "takes payments as its owner",
        &["FLWSECK-", "FLWSECK_TEST-"],
        token!("FLWSECK(?:_TEST)?-", "[0-9a-f]{32}(?:-[0-9a-z]{11,15})?-X"),
    ),
    Detector::token(
        payment("PLAID_ACCESS_TOKEN", "Plaid access token", "Plaid", Token),
        High,
        "reads a customer's bank account",
        &["access-sandbox-", "access-development-", "access-production-"],
        concat!(r"\b(?P<secret>access-(?:sandbox|development|production)-(?P<body>", uuid!(), r"))\b"),
    ),
    Detector::token(
        payment("RAZORPAY_KEY_ID", "Razorpay key id", "Razorpay", ApiKey),
        Low,
        "names a Razorpay account; with its secret it takes payments",
        &["rzp_live_"],
        token!("rzp_live_", "[A-Za-z0-9]{14}"),
    )
    .confidence(0.8),
    Detector::token(
        payment("SHOPIFY_TOKEN", "Shopify token", "Shopify", Token),
        High,
        "reads and changes a shop",
        &["shpat_", "shpca_", "shppa_", "shpss_"],
        token!("shp(?:at|ca|pa|ss)_", "[0-9A-Fa-f]{32}"),
    ),
    Detector::token(
        payment("WOOCOMMERCE_SECRET", "WooCommerce consumer secret", "WooCommerce", ApiKey),
        High,
        "reads and changes a shop",
        &["cs_"],
        token!("cs_", "[0-9a-f]{40}"),
    ),
    Detector::token(
        payment("SHIPPO_TOKEN", "Shippo token", "Shippo", Token),
        Medium,
        "buys labels for parcels as its owner",
        &["shippo_"],
        token!("shippo_(?:live|test)_", "[0-9a-f]{40}"),
    ),
    Detector::token(
        payment("EASYPOST_API_KEY", "EasyPost API key", "EasyPost", ApiKey),
        Medium,
        "buys labels for parcels as its owner",
        &["EZAK", "EZTK"],
        token!("EZ[AT]K", "[A-Za-z0-9]{54}"),
    )
    .entropy(3.5),
    Detector::token(
        payment("DUFFEL_TOKEN", "Duffel token", "Duffel", Token),
        High,
        "books flights as its owner",
        &["duffel_"],
        token!("duffel_(?:test|live)_", "[A-Za-z0-9_=-]{43}"),
    ),
    Detector::named(
        payment("PAYPAL_CLIENT_SECRET", "PayPal client secret", "PayPal", CryptographicKey),
        Critical,
        "takes payments as its owner",
        &["paypal"],
        named!("paypal", "E[A-Za-z0-9_-]{79}"),
    ).entropy(4.0),
    Detector::named(
        payment("MOLLIE_API_KEY", "Mollie API key", "Mollie", ApiKey),
        Critical,
        "takes payments as its owner",
        &["mollie"],
        named!("mollie", "(?:live|test)_[A-Za-z0-9]{30}"),
    ).entropy(3.5),
    Detector::named(
        payment("GOCARDLESS_TOKEN", "GoCardless token", "GoCardless", Token),
        Critical,
        "collects money from customers' accounts",
        &["gocardless"],
        named!("gocardless", "(?:live|sandbox)_[A-Za-z0-9_-]{40}"),
    ).entropy(3.7),
];
