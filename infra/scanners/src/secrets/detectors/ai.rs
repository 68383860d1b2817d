//! Models, and what searches and speaks for them.

use super::{Detector, named, specific, token, uuid};
use scanledger_domain::secret::SecretFamily::{ApiKey, Token};
use scanledger_domain::secret::{DetectorFacts, SecretCategory, SecretFamily};
use scanledger_domain::severity::Severity::{High, Medium};

/// Nearly all of them open the same: models, paid by the owner.
const EXPENSE: &str = "uses models at the owner's expense";

const fn ai(
    id: &'static str,
    title: &'static str,
    provider: &'static str,
    family: SecretFamily,
) -> DetectorFacts {
    specific(id, title, provider, family, SecretCategory::Ai)
}

pub(super) const LIST: &[Detector] = &[
    Detector::token(
        ai("ANTHROPIC_API_KEY", "Anthropic API key", "Anthropic", ApiKey),
        High,
        EXPENSE,
        &["sk-ant-"],
        token!("sk-ant-[a-z0-9]{3,12}-", "[A-Za-z0-9_-]{80,140}"),
    ),
    Detector::token(
        ai("OPENAI_PROJECT_KEY", "OpenAI project key", "OpenAI", ApiKey),
        High,
        EXPENSE,
        &["sk-proj-", "sk-svcacct-", "sk-admin-"],
        token!("sk-(?:proj|svcacct|admin)-", "[A-Za-z0-9_-]{40,250}"),
    ),
    Detector::token(
        ai("OPENAI_API_KEY", "OpenAI API key", "OpenAI", ApiKey),
        High,
        EXPENSE,
        &["sk-"],
        token!("sk-", "[A-Za-z0-9]{48}"),
    ),
    Detector::token(
        ai("OPENROUTER_API_KEY", "OpenRouter API key", "OpenRouter", ApiKey),
        High,
        EXPENSE,
        &["sk-or-v1-"],
        token!("sk-or-v1-", "[0-9a-f]{64}"),
    ),
    Detector::token(
        ai("GROQ_API_KEY", "Groq API key", "Groq", ApiKey),
        High,
        EXPENSE,
        &["gsk_"],
        token!("gsk_", "[A-Za-z0-9]{52}"),
    ),
    Detector::token(
        ai("XAI_API_KEY", "xAI API key", "xAI", ApiKey),
        High,
        EXPENSE,
        &["xai-"],
        token!("xai-", "[A-Za-z0-9]{80}"),
    ),
    Detector::token(
        ai("PERPLEXITY_API_KEY", "Perplexity API key", "Perplexity", ApiKey),
        High,
        EXPENSE,
        &["pplx-"],
        token!("pplx-", "[A-Za-z0-9]{48}"),
    ),
    Detector::token(
        ai("CEREBRAS_API_KEY", "Cerebras API key", "Cerebras", ApiKey),
        High,
        EXPENSE,
        &["csk-"],
        token!("csk-", "[a-z0-9]{48}"),
    ),
    Detector::token(
        ai("TOGETHER_API_KEY", "Together AI API key", "Together AI", ApiKey),
        High,
        EXPENSE,
        &["tgp_v1_"],
        token!("tgp_v1_", "[A-Za-z0-9_-]{43}"),
    ),
    Detector::token(
        ai("NVIDIA_API_KEY", "NVIDIA API key", "NVIDIA", ApiKey),
        High,
        EXPENSE,
        &["nvapi-"],
        token!("nvapi-", "[A-Za-z0-9_-]{64}"),
    ),
    Detector::token(
        ai("HUGGINGFACE_TOKEN", "Hugging Face token", "Hugging Face", Token),
        High,
        "reads and publishes models and data at Hugging Face",
        &["hf_"],
        token!("hf_", "[A-Za-z0-9]{34,40}"),
    )
    .entropy(3.5),
    Detector::token(
        ai("REPLICATE_TOKEN", "Replicate token", "Replicate", Token),
        High,
        "runs models at the owner's expense",
        &["r8_"],
        token!("r8_", "[A-Za-z0-9]{37}"),
    )
    .entropy(3.5),
    Detector::token(
        ai("ELEVENLABS_API_KEY", "ElevenLabs API key", "ElevenLabs", ApiKey),
        Medium,
        "makes voices speak at the owner's expense",
        &["sk_"],
        token!("sk_", "[0-9a-f]{48}"),
    ),
    Detector::token(
        ai("LANGFUSE_SECRET_KEY", "Langfuse secret key", "Langfuse", ApiKey),
        High,
        "reads and writes traces of what models were asked",
        &["sk-lf-"],
        concat!(r"\b(?P<secret>sk-lf-(?P<body>", uuid!(), r"))\b"),
    ),
    Detector::token(
        ai("LANGSMITH_API_KEY", "LangSmith API key", "LangSmith", ApiKey),
        High,
        "reads and writes traces of what models were asked",
        &["lsv2_"],
        token!("lsv2_(?:pt|sk)_", "[0-9a-f]{32}_[0-9a-f]{10}"),
    ),
    Detector::token(
        ai("LLAMA_CLOUD_KEY", "LlamaCloud API key", "LlamaIndex", ApiKey),
        Medium,
        "parses documents at the owner's expense",
        &["llx-"],
        token!("llx-", "[A-Za-z0-9]{48}"),
    ),
    Detector::token(
        ai("TAVILY_API_KEY", "Tavily API key", "Tavily", ApiKey),
        Medium,
        "searches the web at the owner's expense",
        &["tvly-"],
        token!("tvly-(?:dev-|prod-)?", "[A-Za-z0-9]{32}"),
    ),
    Detector::token(
        ai("E2B_API_KEY", "E2B API key", "E2B", ApiKey),
        Medium,
        "runs code in sandboxes at the owner's expense",
        &["e2b_"],
        token!("e2b_", "[0-9a-f]{40}"),
    ),
    Detector::token(
        ai("JINA_API_KEY", "Jina API key", "Jina", ApiKey),
        Medium,
        EXPENSE,
        &["jina_"],
        token!("jina_", "[0-9a-f]{32}[A-Za-z0-9_-]{28}"),
    ),
    Detector::named(
        ai("COHERE_API_KEY", "Cohere API key", "Cohere", ApiKey),
        High,
        EXPENSE,
        &["cohere", "co_api_key"],
        named!(r"cohere|\bco_", "[A-Za-z0-9]{40}"),
    )
    .entropy(3.7),
    Detector::named(
        ai("MISTRAL_API_KEY", "Mistral API key", "Mistral", ApiKey),
        High,
        EXPENSE,
        &["mistral"],
        named!("mistral", "[A-Za-z0-9]{32}"),
    )
    .entropy(3.7),
    Detector::named(
        ai("DEEPSEEK_API_KEY", "DeepSeek API key", "DeepSeek", ApiKey),
        High,
        EXPENSE,
        &["deepseek"],
        named!("deepseek", "sk-[0-9a-f]{32}"),
    ),
    Detector::named(
        ai("WANDB_API_KEY", "Weights & Biases API key", "Weights & Biases", ApiKey),
        High,
        "reads and writes experiments as its owner",
        &["wandb"],
        named!("wandb", "[0-9a-f]{40}"),
    ),
    Detector::named(
        ai("DEEPGRAM_API_KEY", "Deepgram API key", "Deepgram", ApiKey),
        Medium,
        EXPENSE,
        &["deepgram"],
        named!("deepgram", "[0-9a-f]{40}"),
    ),
    Detector::named(
        ai("ASSEMBLYAI_API_KEY", "AssemblyAI API key", "AssemblyAI", ApiKey),
        Medium,
        EXPENSE,
        &["assemblyai", "assembly_ai"],
        named!("assembly_?ai", "[0-9a-f]{32}"),
    ),
    Detector::named(
        ai("FIRECRAWL_API_KEY", "Firecrawl API key", "Firecrawl", ApiKey),
        Medium,
        "reads sites at the owner's expense",
        &["firecrawl"],
        named!("firecrawl", "fc-[0-9a-f]{32}"),
    ),
    Detector::named(
        ai("VOYAGE_API_KEY", "Voyage AI API key", "Voyage AI", ApiKey),
        Medium,
        EXPENSE,
        &["voyage"],
        named!("voyage", "pa-[A-Za-z0-9_-]{43}"),
    )
    .entropy(3.7),
];
