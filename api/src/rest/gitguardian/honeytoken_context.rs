//! Honeytokens in a file that looks as if somebody worked with it (reference §11).

use super::honeytoken::without_tags;
use super::honeytoken_shape::{HoneytokenType, url_of};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::Body;
use crate::problem::Problem;
use crate::rest::{Written, decoy};
use axum::extract::State;
use axum::http::StatusCode;
use scanledger_commands::honeytoken::{DecoyCredential, HoneytokenWanted, Honeytokens};
use scanledger_domain::limits::PATH_BYTES;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// Where a request of the file would be sent from, if it were a real one.
const REGION: &str = "us-east-1";

/// In what the file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Python,
    JavaScript,
    TypeScript,
    Go,
    Java,
    Ruby,
    Shell,
    Dotenv,
    Yaml,
    Terraform,
    Ini,
}

/// Each with its words, the first of which is its own, the ends of its files' names, and a file of it.
const LANGUAGES: [(Language, &[&str], &[&str], &str); 11] = [
    (Language::Python, &["python", "py"], &["py"], "s3_backup.py"),
    (Language::JavaScript, &["javascript", "js"], &["js", "mjs", "cjs", "jsx"], "backup.js"),
    (Language::TypeScript, &["typescript", "ts"], &["ts", "tsx", "mts"], "backup.ts"),
    (Language::Go, &["go", "golang"], &["go"], "backup.go"),
    (Language::Java, &["java"], &["java"], "BackupClient.java"),
    (Language::Ruby, &["ruby", "rb"], &["rb"], "backup.rb"),
    (Language::Shell, &["shell", "bash", "sh"], &["sh", "bash"], "backup.sh"),
    (Language::Dotenv, &["dotenv", "env"], &["env"], ".env"),
    (Language::Yaml, &["yaml", "yml"], &["yaml", "yml"], "backup.yml"),
    (Language::Terraform, &["terraform", "hcl"], &["tf", "hcl"], "backend.tf"),
    (Language::Ini, &["ini", "credentials", "cfg"], &["ini", "cfg", "conf"], "credentials"),
];

impl Language {
    /// The language of a word, whatever the case.
    fn named(word: &str) -> Option<Self> {
        let word = word.trim().to_ascii_lowercase();
        Self::find(|(_, words, ..)| words.contains(&word.as_str()))
    }

    /// The language of a file's name or of what a name ends in.
    fn of_file(name: &str) -> Option<Self> {
        let end = name.rsplit(['.', '/']).next()?.to_ascii_lowercase();
        if end == "credentials" {
            return Some(Self::Ini);
        }
        Self::find(|(_, _, ends, _)| ends.contains(&end.as_str()))
    }

    fn find(is: impl Fn(&(Self, &[&str], &[&str], &str)) -> bool) -> Option<Self> {
        LANGUAGES.iter().find(|line| is(line)).map(|(language, ..)| *language)
    }

    fn line(self) -> (&'static str, &'static str) {
        let line = LANGUAGES.iter().find(|(language, ..)| *language == self);
        line.map_or(("ini", "credentials"), |(_, words, _, file)| (words[0], file))
    }

    /// A file with a credential, whose requests go to `endpoint`.
    fn file(self, credential: &DecoyCredential, endpoint: &str) -> String {
        let (id, key) = (credential.access_id(), credential.secret_key());
        match self {
            Self::Python => format!(
                "import boto3\n\ns3 = boto3.client(\n    \"s3\",\n    region_name=\"{REGION}\",\n    endpoint_url=\"{endpoint}\",\n    aws_access_key_id=\"{id}\",\n    aws_secret_access_key=\"{key}\",\n)\n\nfor bucket in s3.list_buckets()[\"Buckets\"]:\n    print(bucket[\"Name\"])\n"
            ),
            Self::JavaScript | Self::TypeScript => format!(
                "import {{ ListBucketsCommand, S3Client }} from \"@aws-sdk/client-s3\";\n\nconst s3 = new S3Client({{\n  region: \"{REGION}\",\n  endpoint: \"{endpoint}\",\n  forcePathStyle: true,\n  credentials: {{\n    accessKeyId: \"{id}\",\n    secretAccessKey: \"{key}\",\n  }},\n}});\n\nconst {{ Buckets }} = await s3.send(new ListBucketsCommand({{}}));\nconsole.log(Buckets);\n"
            ),
            Self::Go => format!(
                "package backup\n\nimport (\n\t\"github.com/aws/aws-sdk-go-v2/aws\"\n\t\"github.com/aws/aws-sdk-go-v2/credentials\"\n\t\"github.com/aws/aws-sdk-go-v2/service/s3\"\n)\n\n// Client returns the client of the backups.\nfunc Client() *s3.Client {{\n\treturn s3.New(s3.Options{{\n\t\tRegion:       \"{REGION}\",\n\t\tBaseEndpoint: aws.String(\"{endpoint}\"),\n\t\tUsePathStyle: true,\n\t\tCredentials: credentials.NewStaticCredentialsProvider(\n\t\t\t\"{id}\",\n\t\t\t\"{key}\",\n\t\t\t\"\",\n\t\t),\n\t}})\n}}\n"
            ),
            Self::Java => format!(
                "import java.net.URI;\nimport software.amazon.awssdk.auth.credentials.AwsBasicCredentials;\nimport software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;\nimport software.amazon.awssdk.regions.Region;\nimport software.amazon.awssdk.services.s3.S3Client;\n\npublic final class BackupClient {{\n    private static final String ACCESS_KEY_ID = \"{id}\";\n    private static final String SECRET_ACCESS_KEY = \"{key}\";\n\n    public static S3Client create() {{\n        return S3Client.builder()\n                .region(Region.of(\"{REGION}\"))\n                .endpointOverride(URI.create(\"{endpoint}\"))\n                .forcePathStyle(true)\n                .credentialsProvider(StaticCredentialsProvider.create(\n                        AwsBasicCredentials.create(ACCESS_KEY_ID, SECRET_ACCESS_KEY)))\n                .build();\n    }}\n}}\n"
            ),
            Self::Ruby => format!(
                "require \"aws-sdk-s3\"\n\ns3 = Aws::S3::Client.new(\n  region: \"{REGION}\",\n  endpoint: \"{endpoint}\",\n  force_path_style: true,\n  access_key_id: \"{id}\",\n  secret_access_key: \"{key}\"\n)\n\ns3.list_buckets.buckets.each {{ |bucket| puts bucket.name }}\n"
            ),
            Self::Shell => format!(
                "#!/usr/bin/env bash\nset -euo pipefail\n\nexport AWS_ACCESS_KEY_ID=\"{id}\"\nexport AWS_SECRET_ACCESS_KEY=\"{key}\"\nexport AWS_DEFAULT_REGION=\"{REGION}\"\nexport AWS_ENDPOINT_URL=\"{endpoint}\"\n\naws s3 ls\n"
            ),
            Self::Dotenv => format!(
                "AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={key}\nAWS_DEFAULT_REGION={REGION}\nAWS_ENDPOINT_URL={endpoint}\n"
            ),
            Self::Yaml => format!(
                "backup:\n  provider: s3\n  region: \"{REGION}\"\n  endpoint: \"{endpoint}\"\n  access_key_id: \"{id}\"\n  secret_access_key: \"{key}\"\n"
            ),
            Self::Terraform => format!(
                "provider \"aws\" {{\n  region     = \"{REGION}\"\n  access_key = \"{id}\"\n  secret_key = \"{key}\"\n\n  endpoints {{\n    s3  = \"{endpoint}\"\n    sts = \"{endpoint}\"\n  }}\n}}\n"
            ),
            Self::Ini => format!(
                "[default]\naws_access_key_id = {id}\naws_secret_access_key = {key}\nregion = {REGION}\nendpoint_url = {endpoint}\n"
            ),
        }
    }
}

/// Ends of files' names, as a list or with commas between them: clients send either.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = gitguardian::ProjectExtensions)]
pub enum Extensions {
    /// As a list.
    List(Vec<String>),
    /// With commas between them.
    Text(String),
}

impl Default for Extensions {
    fn default() -> Self {
        Self::List(vec![])
    }
}

impl Extensions {
    fn languages(&self) -> impl Iterator<Item = Language> {
        let words: Vec<&str> = match self {
            Self::List(words) => words.iter().map(String::as_str).collect(),
            Self::Text(text) => text.split(',').collect(),
        };
        words.into_iter().filter_map(|word| Language::of_file(word.trim()))
    }
}

/// A honeytoken that is wanted in a file.
#[derive(Deserialize, ToSchema)]
#[schema(as = gitguardian::HoneytokenWithContextCreate)]
pub struct WithContextIn {
    /// One line; made up if absent.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    #[serde(default)]
    r#type: HoneytokenType,
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// Must be empty: there are no tags of the workspace.
    #[serde(default)]
    custom_tags: Vec<Value>,
    /// In what the file is to be written; known by the name of the file, else by what else there is, if absent.
    #[schema(example = "python")]
    language: Option<String>,
    /// What the file is to be called.
    filename: Option<String>,
    /// How names of other files end where it is to be planted.
    #[serde(default)]
    project_extensions: Extensions,
}

/// A file to plant.
#[derive(Serialize, ToSchema)]
#[schema(as = gitguardian::HoneytokenWithContext)]
pub struct WithContextOut {
    content: String,
    filename: String,
    /// The same.
    filepath: String,
    #[schema(value_type = String)]
    language: &'static str,
    suggested_commit_message: String,
    honeytoken_id: Uuid,
    gitguardian_url: String,
}

/// Makes a honeytoken, and a file in which it can be planted
#[utoipa::path(
    post, path = "/v1/honeytokens/with-context", tag = "GitGuardian honeytokens", request_body = WithContextIn,
    responses(
        (status = 200, body = WithContextOut),
        (status = 409, body = crate::problem::ProblemBody, description = "Another one has the name, or there are enough.")
    )
)]
pub async fn create_with_context(
    State(app): State<App>,
    caller: Caller,
    body: Body<WithContextIn>,
) -> Result<Written<WithContextOut>, Problem> {
    let WithContextIn { name, r#type: HoneytokenType::Aws, description, custom_tags, .. } = &body.value;
    without_tags(custom_tags)?;
    let language = body.value.language()?;
    let (word, usual) = language.line();
    let filename = body.value.filename.clone().unwrap_or_else(|| usual.to_owned());
    let context = caller.command(&app, body.digest).await?;
    let made_up = || format!("honeytoken-{}", Honeytokens::made_by(&context).0.simple());
    let wanted = HoneytokenWanted {
        organization: caller.organization(),
        name: name.clone().unwrap_or_else(made_up),
        description: description.clone(),
    };
    let made = app.honeytokens.create(&context, wanted).await?;
    let shown = WithContextOut {
        content: language.file(&made.credential, &decoy::endpoint(&app)),
        suggested_commit_message: format!("Add {filename}"),
        filepath: filename.clone(),
        filename,
        language: word,
        honeytoken_id: made.honeytoken.0,
        gitguardian_url: url_of(&app, made.honeytoken),
    };
    Ok(Written::at(&app, StatusCode::OK, Some(made.position), shown).await)
}

impl WithContextIn {
    fn language(&self) -> Result<Language, Problem> {
        if let Some(name) = &self.filename {
            let is_path = (1..=PATH_BYTES).contains(&name.len()) && !name.chars().any(char::is_control);
            if !is_path {
                let message = format!("must be one line of 1 to {PATH_BYTES} bytes");
                return Err(Problem::invalid("filename", message));
            }
        }
        if let Some(word) = &self.language {
            let known = || LANGUAGES.map(|(_, words, ..)| words[0]).join(", ");
            return Language::named(word)
                .ok_or_else(|| Problem::invalid("language", format!("must be one of {}", known())));
        }
        let by_name = self.filename.as_deref().and_then(Language::of_file);
        Ok(by_name.or_else(|| self.project_extensions.languages().next()).unwrap_or(Language::Ini))
    }
}

#[cfg(test)]
mod tests {
    use super::{Extensions, LANGUAGES, Language, WithContextIn};
    use serde_json::{Value, json};

    fn language(body: Value) -> Option<Language> {
        serde_json::from_value::<WithContextIn>(body).unwrap().language().ok()
    }

    #[test]
    fn a_language_is_known_by_its_word_then_by_the_file_then_by_other_files() {
        for (body, expected) in [
            (json!({}), Some(Language::Ini)),
            (json!({ "language": "Python", "filename": "x.go" }), Some(Language::Python)),
            (json!({ "language": "hcl" }), Some(Language::Terraform)),
            (json!({ "language": "cobol" }), None),
            (json!({ "filename": "src/x.ts", "project_extensions": "py" }), Some(Language::TypeScript)),
            (json!({ "filename": ".env" }), Some(Language::Dotenv)),
            (json!({ "filename": "home/.aws/credentials" }), Some(Language::Ini)),
            (json!({ "filename": "x.unknown", "project_extensions": ["txt", ".rb"] }), Some(Language::Ruby)),
            (json!({ "project_extensions": "txt, java" }), Some(Language::Java)),
            (json!({ "filename": "two\nlines" }), None),
            (json!({ "filename": "x".repeat(1_024) }), Some(Language::Ini)),
            (json!({ "filename": "x".repeat(1_025) }), None),
        ] {
            assert_eq!(language(body.clone()), expected, "{body}");
        }
        assert_eq!(Extensions::default().languages().count(), 0);
    }

    #[test]
    fn every_language_is_known_by_all_its_words_and_files() {
        for (language, words, ends, file) in LANGUAGES {
            assert!(words.iter().all(|word| Language::named(word) == Some(language)), "{words:?}");
            assert!(ends.iter().all(|end| Language::of_file(&format!("x.{end}")) == Some(language)));
            assert_eq!(Language::of_file(file), Some(language), "{file}");
            assert_eq!(language.line(), (words[0], file));
        }
    }
}
