//! What a provider is: data. The built-in ones stand in `catalog`; a custom endpoint becomes the same struct.
//!
//! Nothing anywhere matches on a provider's id: what differs between providers is a field here.

pub mod catalog;
pub mod quirks;
pub(crate) mod rules;

use std::borrow::Cow;
use wharf_wire::chat::{ModelRule, Quirks};
use wharf_wire::embeddings::EmbedForm;
use wharf_wire::format::Format;
use wharf_wire::rerank::RerankForm;

/// One provider: whom we call, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    /// Name in paths and model prefixes (`/openai/…`, `openai/gpt-5`).
    pub id: Cow<'static, str>,
    /// Other names for the same thing (`gemini` for `google-ai-studio`).
    pub aliases: &'static [&'static str],
    /// Name for people.
    pub title: &'static str,
    /// Base URL without a trailing slash; `{account}` stands for `CLOUDFLARE_ACCOUNT_ID`. `None`: must be configured.
    pub base_url: Option<&'static str>,
    /// How a key is put on a request.
    pub auth: &'static [AuthRule],
    /// Environment names of its keys, P1's first (that one also names its shard), then aliases.
    pub key_env: &'static [&'static str],
    /// Stems of `<PROVIDER>_BASE_URL` and `<PROVIDER>_RELAY`: the id's own (capitals, `_`) first, then P1's and P2's spellings.
    pub env_stems: &'static [&'static str],
    /// Can be used without a key, once its base URL is configured (`vllm`, …).
    pub keyless: bool,
    /// It limits the calls of a key per model: a 429 says nothing of the key's other models.
    pub limits_per_model: bool,
    /// Answered by us, with no call (`echo`).
    pub local: bool,
    /// How a chat body is written on the native endpoint.
    pub format: Format,
    /// The format in which it is asked what a caller said in a dialect that it has no endpoint for, and all chat
    /// where this is not OpenAI's: its own is better kept than its imitation of OpenAI's.
    pub speaks: Format,
    /// How it differs from that format.
    pub quirks: Quirks,
    /// How families of its models differ further.
    pub rules: &'static [ModelRule],
    /// The form of its own in which it is asked for embeddings, where `paths` has no OpenAI-shaped endpoint for them.
    /// `BedrockTitan` stands for whichever form a model of Bedrock has.
    pub embed: Option<EmbedForm>,
    /// The same for rankings; `BedrockCohere` stands for all of Bedrock's.
    pub rerank: Option<RerankForm>,
    /// What can be asked, and where.
    pub paths: Paths,
    /// Headers added when the client sent none by that name (`anthropic-version`).
    pub default_headers: &'static [(&'static str, &'static str)],
    /// Bare model names that start so are this provider's (`claude-`). `o#` means `o` and a digit.
    pub model_prefixes: &'static [&'static str],
    /// Its name at Cloudflare's AI Gateway.
    pub gateway: Option<GatewaySlug>,
    /// How its model list reads.
    pub models: ModelList,
    /// Top-level members that its endpoint is known to refuse (with a source beside the entry).
    pub drop_params: &'static [&'static str],
}

/// Where a key goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// A header of its own with the bare key.
    Header(&'static str),
    /// A query member.
    Query(&'static str),
}

/// One way to put the key, for all paths or for those under a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthRule {
    /// Only for upstream paths (below the base URL) that start so; empty: for all.
    pub under: &'static str,
    /// Where the key goes.
    pub how: Auth,
}

/// Bearer on every path.
pub const BEARER: &[AuthRule] = &[AuthRule { under: "", how: Auth::Bearer }];

/// What can be asked of a provider and at which path under its base URL. `None`: not offered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Paths {
    /// OpenAI Chat Completions.
    pub chat: Option<Cow<'static, str>>,
    /// OpenAI Responses.
    pub responses: Option<Cow<'static, str>>,
    /// Anthropic Messages.
    pub messages: Option<Cow<'static, str>>,
    /// Anthropic token counting.
    pub count_tokens: Option<Cow<'static, str>>,
    /// The folder of Gemini's calls: `/{model}:generateContent` is put behind it.
    pub generate: Option<Cow<'static, str>>,
    /// Chat in a format of its own: Cohere's and Ollama's path, Bedrock's folder, behind which `/{model}/converse` is put.
    pub native: Option<Cow<'static, str>>,
    /// What `/embeddings`, `/completions`, `/moderations`, `/images/…`, `/audio/…` hang under; may be empty.
    pub openai: Option<Cow<'static, str>>,
    /// Which of the paths under `openai` exist.
    pub offers: &'static [Offer],
    /// Rerank, in the provider's own form.
    pub rerank: Option<Cow<'static, str>>,
    /// Model list, with its query.
    pub models: Option<Cow<'static, str>>,
}

/// An OpenAI-compatible endpoint other than chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// `/embeddings`
    Embeddings,
    /// `/completions`
    Completions,
    /// `/moderations`
    Moderations,
    /// `/images/…`
    Images,
    /// `/audio/…`
    Audio,
    /// `/rerank` under the same prefix
    Rerank,
}

/// Every endpoint: what is assumed of OpenAI itself and of a custom endpoint.
pub const ALL_OFFERS: &[Offer] =
    &[Offer::Embeddings, Offer::Completions, Offer::Moderations, Offer::Images, Offer::Audio, Offer::Rerank];

/// A provider at Cloudflare's AI Gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewaySlug {
    /// The slug in `{origin}/{account}/{gateway}/{slug}/…`; it stands for the whole base URL.
    pub slug: &'static str,
    /// The gateway wants other paths there than the provider itself (resource or region first), so the paths of
    /// `Paths` mean nothing to it: model routes go direct, pass-through and universal steps, whose paths the client
    /// wrote, go through.
    pub own_paths: bool,
}

/// How a provider lists its models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelList {
    /// How one page reads.
    pub shape: ModelShape,
    /// How the next page is asked for.
    pub paging: Paging,
    /// `owned_by` where the provider has none; empty: keep what came.
    pub owned_by: &'static str,
}

/// How one entry of a model list becomes ours (predecessors A1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelShape {
    /// `data[]`, entries as they are but for the id.
    OpenAi,
    /// `data[]`; `id`, `object`, `created`, `owned_by` stay, all else goes under `_`.
    OpenAiKept,
    /// `data[]` with `type` and `created_at`; all else under `_`.
    Anthropic,
    /// `models[]` with `name`; all else under `_`.
    Named,
    /// `result[]` with `name`; all else under `_`.
    WorkersAi,
    /// `data[]`; `object` is `model`, `created` kept, `owned_by` is the provider's, all else under `_`.
    OpenRouter,
    /// There is no list.
    None,
}

/// How the next page of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// One page.
    None,
    /// `has_more` and `last_id` → `after_id`.
    AfterId,
    /// The member of the answer (`nextPageToken`) → the query member (`pageToken`).
    Token {
        /// Member of the answer.
        member: &'static str,
        /// Member of the query.
        query: &'static str,
    },
    /// `result_info.total_pages` → `page=2`, …
    Pages,
}
