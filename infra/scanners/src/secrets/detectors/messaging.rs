//! Chats, mail and telephony.

use super::{Detector, named, specific, token, uuid};
use crate::secrets::checks;
use scanledger_domain::secret::SecretFamily::{ApiKey, CryptographicKey, Other, Token};
use scanledger_domain::secret::{DetectorFacts, SecretCategory, SecretFamily};
use scanledger_domain::severity::Severity::{High, Medium};

const fn messaging(
    id: &'static str,
    title: &'static str,
    provider: &'static str,
    family: SecretFamily,
) -> DetectorFacts {
    specific(id, title, provider, family, SecretCategory::MessagingSystem)
}

pub(super) const LIST: &[Detector] = &[
    Detector::on_line(
        messaging("SLACK_WEBHOOK", "Slack webhook", "Slack", Other),
        Medium,
        "posts messages into a Slack channel",
        &["hooks.slack.com"],
        r"(?P<secret>https://hooks\.slack\.com/(?:services/(?P<body>[A-Z0-9]{9,12}/[A-Z0-9]{9,12}/[A-Za-z0-9]{24})|(?:workflows|triggers)/[A-Za-z0-9_/]{20,160}))(?:[^A-Za-z0-9_/]|$)",
    ),
    Detector::token(
        messaging("SLACK_APP_TOKEN", "Slack app-level token", "Slack", Token),
        High,
        "connects as an application to Slack",
        &["xapp-"],
        token!("xapp-[0-9]-[A-Z0-9]{8,16}-[0-9]{8,16}-", "[0-9a-f]{64}"),
    ),
    Detector::token(
        messaging("SLACK_TOKEN", "Slack token", "Slack", Token),
        High,
        "reads and writes messages in Slack",
        &["xoxa-", "xoxb-", "xoxc-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-"],
        token!("xox[abceoprs]-(?:[0-9]{1,16}-){1,4}", "[A-Za-z0-9]{20,250}"),
    ),
    Detector::on_line(
        messaging("DISCORD_WEBHOOK", "Discord webhook", "Discord", Other),
        Medium,
        "posts messages into a Discord channel",
        &["/api/webhooks/"],
        r"(?P<secret>https://(?:ptb\.|canary\.)?discord(?:app)?\.com/api/webhooks/[0-9]{17,20}/(?P<body>[A-Za-z0-9_-]{60,80}))",
    ),
    Detector::on_line(
        messaging("DISCORD_BOT_TOKEN", "Discord bot token", "Discord", Token),
        High,
        "acts as a bot on Discord",
        &[
            "discord",
            "bot_token",
            "bottoken",
            "bot-token",
            "bot.run",
            "client.run",
            "bot.login",
            "client.login",
        ],
        r"\b(?P<secret>[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40})",
    )
    .entropy(4.0)
    .confidence(0.9)
    .checked(checks::is_discord_token),
    Detector::on_line(
        messaging("TELEGRAM_BOT_TOKEN", "Telegram bot token", "Telegram", Token),
        High,
        "acts as a bot on Telegram",
        &[":AA"],
        r"\b(?P<secret>[0-9]{8,10}:(?P<body>AA[A-Za-z0-9_-]{33}))(?:[^A-Za-z0-9_-]|$)",
    )
    .entropy(3.5),
    Detector::on_line(
        messaging("TEAMS_WEBHOOK", "Microsoft Teams webhook", "Microsoft Teams", Other),
        Medium,
        "posts messages into a Teams channel",
        &[".webhook.office.com/webhookb2/"],
        concat!(
            r"(?P<secret>https://[a-z0-9-]{1,60}\.webhook\.office\.com/webhookb2/",
            uuid!(),
            "@",
            uuid!(),
            "/IncomingWebhook/(?P<body>[0-9a-f]{32})/",
            uuid!(),
            ")"
        ),
    ),
    Detector::on_line(
        messaging("DINGTALK_WEBHOOK", "DingTalk webhook", "DingTalk", Other),
        Medium,
        "posts messages into a DingTalk group",
        &["oapi.dingtalk.com/robot/send"],
        r"oapi\.dingtalk\.com/robot/send\?access_token=(?P<secret>[0-9a-f]{64})\b",
    ),
    Detector::on_line(
        messaging("WECOM_WEBHOOK", "WeCom webhook", "WeCom", Other),
        Medium,
        "posts messages into a WeCom group",
        &["qyapi.weixin.qq.com/cgi-bin/webhook/send"],
        concat!(r"qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?key=(?P<secret>", uuid!(), r")\b"),
    ),
    Detector::on_line(
        messaging("LARK_WEBHOOK", "Lark webhook", "Lark", Other),
        Medium,
        "posts messages into a Lark or Feishu group",
        &["/open-apis/bot/v2/hook/"],
        concat!(r"open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/v2/hook/(?P<secret>", uuid!(), r")\b"),
    ),
    Detector::on_line(
        messaging("WEBEX_BOT_TOKEN", "Webex bot token", "Webex", Token),
        High,
        "acts as a bot on Webex",
        &["webex", "ciscospark", "spark_"],
        concat!(r"\b(?P<secret>[A-Za-z0-9]{64}_[A-Za-z0-9]{4}_", uuid!(), r")\b"),
    ),
    Detector::on_line(
        messaging("TWILIO_API_KEY", "Twilio API key", "Twilio", ApiKey),
        High,
        "sends messages and makes calls at the owner's expense",
        &["twilio"],
        r#"(?i-u)twilio[^\n]{0,80}?(?-i:\b(?P<secret>SK[0-9a-f]{32})\b)"#,
    ),
    Detector::token(
        messaging("TELNYX_API_KEY", "Telnyx API key", "Telnyx", ApiKey),
        High,
        "sends messages and makes calls at the owner's expense",
        &["KEY0"],
        token!("KEY0", "[0-9A-Z]{31}_[A-Za-z0-9]{22}"),
    ),
    Detector::token(
        messaging("PUBNUB_SECRET_KEY", "PubNub secret key", "PubNub", CryptographicKey),
        High,
        "grants access to every channel at PubNub",
        &["sec-c-"],
        token!("sec-c-", "[A-Za-z0-9]{48}"),
    ),
    Detector::token(
        messaging("SENDGRID_API_KEY", "SendGrid API key", "SendGrid", ApiKey),
        High,
        "sends mail in the owner's name",
        &["SG."],
        r"\b(?P<secret>SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43})(?:[^A-Za-z0-9_-]|$)",
    )
    .entropy(4.0),
    Detector::token(
        messaging("MAILGUN_KEY", "Mailgun key", "Mailgun", ApiKey),
        High,
        "sends mail in the owner's name",
        &["key-"],
        token!("key-", "[0-9a-f]{32}"),
    ),
    Detector::on_line(
        messaging("MAILCHIMP_API_KEY", "Mailchimp API key", "Mailchimp", ApiKey),
        Medium,
        "reads audiences and sends campaigns",
        &["-us1", "-us2", "-us3", "-us4", "-us5", "-us6", "-us7", "-us8", "-us9"],
        r"\b(?P<secret>(?P<body>[0-9a-f]{32})-us[1-9][0-9]?)(?:[^A-Za-z0-9_-]|$)",
    )
    .confidence(0.9),
    Detector::token(
        messaging("BREVO_API_KEY", "Brevo API key", "Brevo", ApiKey),
        High,
        "sends mail in the owner's name and reads contacts",
        &["xkeysib-", "xsmtpsib-"],
        token!("x(?:key|smtp)sib-", "[0-9a-f]{64}-[A-Za-z0-9]{16}"),
    ),
    Detector::token(
        messaging("RESEND_API_KEY", "Resend API key", "Resend", ApiKey),
        High,
        "sends mail in the owner's name",
        &["re_"],
        token!("re_", "[A-Za-z0-9]{8}_[A-Za-z0-9]{24}"),
    )
    .entropy(4.0),
    Detector::named(
        messaging("TWILIO_AUTH_TOKEN", "Twilio auth token", "Twilio", Token),
        High,
        "controls a Twilio account",
        &["twilio"],
        named!("twilio", "[0-9a-f]{32}"),
    )
    .confidence(0.9),
    Detector::named(
        messaging("POSTMARK_TOKEN", "Postmark token", "Postmark", Token),
        High,
        "sends mail in the owner's name",
        &["postmark"],
        named!("postmark", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ),
    Detector::named(
        messaging("SPARKPOST_API_KEY", "SparkPost API key", "SparkPost", ApiKey),
        High,
        "sends mail in the owner's name",
        &["sparkpost"],
        named!("sparkpost", "[0-9a-f]{40}"),
    ),
    Detector::named(
        messaging("ABLY_API_KEY", "Ably API key", "Ably", ApiKey),
        High,
        "publishes and reads messages",
        &["ably"],
        named!(r"\bably", r"[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{6}:[A-Za-z0-9_-]{43}"),
    )
    .entropy(3.7),
];
