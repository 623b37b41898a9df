//! The lower-case sections of the file: one definition each.

use super::keys::{Keys, TermedKeys};
use super::problem::{At, Located};
use super::read::{Count, Cx, Named, Nullable, Read, Section, Words, located, read_section, read_word};
use super::section::{choice, section};
use super::settings::{AccessLog, Listen, LogFormat, State};
use super::shape::{Member, Shape};
use super::url::{BaseUrl, SubPath};
use crate::host::HttpVersion;
use crate::plan::{Balance, Class};
use jsonc_parser::ast::{ObjectProp, Value};
use serde_json::json;
use wharf_wire::format::Format;

/// A length of time in milliseconds, up to a day.
pub(super) type Milliseconds = Count<1, 86_400_000>;

section! {
    /// The file's lower-case members.
    Root needs [] {
        /// Where an editor finds the schema of this file.
        "$schema" schema: String,
        /// Providers by name: a built-in's id (or another name of it) configures that built-in, any other name
        /// (`[A-Za-z0-9._~+-]+`) is a custom provider.
        "providers" providers: Named<ProviderSection>,
        /// Other names for models: `"fast": "groq/llama-3.3-70b"`.
        "aliases" aliases: Named<String>,
        /// Model names that stand for several targets, tried in order.
        "routes" routes: Named<RouteSection>,
        /// Where this server runs. `WHARF_LOC` and `WHARF_COLO` say the same.
        "region" region: RegionSection,
        /// Which web pages may call.
        "cors" cors: CorsSection,
        /// Cloudflare's AI Gateway, beside `CLOUDFLARE_ACCOUNT_ID`, `AI_GATEWAY_NAME` and `CF_AIG_TOKEN`.
        "ai_gateway" ai_gateway: GatewaySection,
        /// Rules for the way out, first match wins. Without this member: what starts in HK or CN goes by `wnam`.
        "egress" egress: Vec<Located<EgressSection>>,
        /// When a target of a route is left alone because it fails.
        "breaker" breaker: BreakerSection,
        /// How long the head of an answer on a model route waits for its first event at most: until then a failure is a real
        /// error, or the next target's turn. Default 1500.
        "hold_ms" hold_ms: Milliseconds,
        /// How long a stream may be silent before the client is sent a comment that keeps its connection open. Default
        /// 15000; 0: never.
        "keepalive_ms" keepalive_ms: Count<0, 86_400_000>,
        /// Refuse a request (400) rather than leave out what a provider of another format can't be asked.
        /// `x-wharf-strict: true` says the same for one request. Default false: what is left out is listed in `x-wharf-dropped`.
        "strict" strict: bool,
        /// Fetch images and files that a request names by URL, for providers that take bytes only: https, 20 MiB and
        /// 10 s at most, no private addresses. Default false: such a request is refused (400).
        "fetch_images" fetch_images: bool,
        /// Limits.
        "limits" limits: LimitsSection,
        /// Address and port to listen on (native server). Default `127.0.0.1:8787`.
        "listen" listen: Listen,
        /// Where health of keys and strict rotation are kept (native server): a file, `memory`, or
        /// `redis://…` (`rediss://…` with TLS), which processes on several machines share; `env:NAME` takes it from that variable.
        "state" state: State,
        /// How long the state store may take before a key is chosen without it. Default 2000.
        "state_timeout_ms" state_timeout_ms: Milliseconds,
        /// How long running requests may go on after SIGTERM. Default 30000.
        "drain_ms" drain_ms: Milliseconds,
        /// Logging (native server).
        "log" log: LogSection,
        /// Serve HTTPS (native server).
        "tls" tls: TlsSection,
        /// A file of certificates (PEM) that upstreams are checked against, beside the system's own.
        "ca_file" ca_file: String,
    }
}

section! {
    /// One provider.
    ProviderSection needs [] {
        /// Base URL; replaces the built-in's whole base URL. Required for a custom provider. May hold a query, and
        /// `{account}` for `CLOUDFLARE_ACCOUNT_ID`.
        "base_url" base_url: BaseUrl,
        /// Keys: one, several separated by commas, or an array. `env:NAME` takes the value of that variable. In the array
        /// a key may be an object that says on what terms it is used.
        "keys" keys: TermedKeys,
        /// How a custom provider's chat bodies are written. Default `openai_chat`.
        "format" format: Format,
        /// A fixed model list; the provider is then never asked for one.
        "models" models: Vec<Located<String>>,
        /// Time limits.
        "timeouts" timeouts: TimeoutsSection,
        /// Without a key of its own: take the client's credential on pass-through, and pass it on. Default false.
        "relay" relay: bool,
        /// Top-level members to remove from JSON bodies, for an endpoint that refuses them.
        "drop_params" drop_params: Vec<Located<String>>,
        /// Ask for usage in streams (`stream_options.include_usage`). Default false.
        "ask_usage" ask_usage: bool,
        /// Go through the AI Gateway when one is in force. Default true; custom providers never do.
        "ai_gateway" ai_gateway: bool,
        /// Path of its chat endpoint, after the base URL (for `gemini_generate` the folder of `{model}:generateContent`).
        "chat_path" chat_path: SubPath,
        /// Path of its model list, after the base URL.
        "models_path" models_path: SubPath,
        /// How often the same call is tried again after a failure of the provider, where no other key or target is left: with a
        /// growing pause, or after the wait that it asks for. Default 0.
        "retries" retries: Count<0, 10>,
        /// HTTP version to speak. Default `auto`: what TLS settles on.
        "http" http: HttpVersion,
    }
}

section! {
    /// A key with terms of its own.
    KeySection needs ["key"] {
        /// The key, or `env:NAME`.
        "key" key: String,
        /// A name for logs, `/status` and `/admin/keys`. Without one it is named by a fingerprint.
        "label" label: String,
        /// Its share of the calls: a key of weight 3 is used three times as often as one of weight 1. Default 1.
        "weight" weight: Count<1, 100>,
        /// The only models that it is used for, as the provider names them; `*` at the end stands for any rest.
        "models" models: Vec<Located<String>>,
        /// Models that it is not used for.
        "deny_models" deny_models: Vec<Located<String>>,
        /// How many calls at once it may serve, in each process.
        "max_concurrent" max_concurrent: Count<1, 1_000_000>,
    }
}

section! {
    /// Time limits of a provider or a route. The header `x-wharf-timeout` sets them for one request.
    TimeoutsSection needs [] {
        /// To connect, TLS included. Default 10000. No effect on Workers.
        "connect_ms" connect_ms: Milliseconds,
        /// From the request's end to the head of the answer. Default 600000.
        "first_byte_ms" first_byte_ms: Milliseconds,
        /// From a stream's head to its first event. While there is something else to try the head waits for it, and the
        /// next target's turn comes. Without this member `idle_ms` holds there, too.
        "first_event_ms" first_event_ms: Milliseconds,
        /// Between two pieces of the answer's body. Default 300000.
        "idle_ms" idle_ms: Milliseconds,
        /// For the whole exchange, other keys, targets and retries included. Without this member only its parts are limited.
        "total_ms" total_ms: Milliseconds,
    }
}

section! {
    /// A route.
    RouteSection needs ["targets"] {
        /// `provider/model` each, or an object with its weight.
        "targets" targets: Vec<Located<TargetEntry>>,
        /// Which target is tried first. Default `ordered`: as written. `weighted`: at random by weight; `round_robin`: in turn;
        /// `least_in_flight`: the one with the fewest calls under way in this process. The others follow behind it.
        "balance" balance: Balance,
        /// What makes a target give way to the next one. Default: all of these but `context_length` and `content_filter`,
        /// which are the request's own fault.
        "fallback" fallback: Vec<Located<FallbackWord>>,
        /// How often the same call is tried again once no other key or target is left. Default: the provider's `retries`.
        "retries" retries: Count<0, 10>,
        /// Time limits, over the providers' own.
        "timeouts" timeouts: TimeoutsSection,
    }
}

section! {
    /// A target with its weight.
    TargetSection needs ["target"] {
        /// `provider/model`.
        "target" target: String,
        /// Its share, for the ways of balancing that go by shares. Default 1.
        "weight" weight: Count<1, 100>,
    }
}

section! {
    /// When a target of a route is left alone for a while because it fails.
    BreakerSection needs [] {
        /// How far back failures count. Default 30000.
        "window_ms" window_ms: Milliseconds,
        /// So many calls at least in that time. Default 5.
        "min_calls" min_calls: Count<1, 1_000_000>,
        /// So many of a hundred that failed. Default 50; 0: never left alone.
        "failed_percent" failed_percent: Count<0, 100>,
        /// How long at first; doubled each time that the call which tries it again fails. Default 15000.
        "open_ms" open_ms: Milliseconds,
    }
}

section! {
    /// Where we run.
    RegionSection needs [] {
        /// Country, two letters (`HK`).
        "loc" loc: String,
        /// Data centre, three letters (`HKG`).
        "colo" colo: String,
    }
}

section! {
    /// Browsers.
    CorsSection needs [] {
        /// Origins that may call (`https://app.example`); `*` is any. Default `["*"]`.
        "origins" origins: Words,
    }
}

section! {
    /// Cloudflare's AI Gateway.
    GatewaySection needs [] {
        /// Its URL up to the account. Default `https://gateway.ai.cloudflare.com/v1`. `AI_GATEWAY_ORIGIN` says the same.
        "origin" origin: BaseUrl,
        /// Honour `x-wharf-direct: true`, which skips the gateway for one request. Default false.
        "allow_direct" allow_direct: bool,
    }
}

section! {
    /// A rule for the way out.
    EgressSection needs ["via"] {
        /// When the rule applies; `{}` or nothing: always.
        "when" when: WhenSection,
        /// `direct`, a region hint (`wnam enam weur eeur apac oc afr sam me`), or the URL of an outbound proxy.
        "via" via: String,
        /// What to do when that way fails. Default `direct` for hints, `fail` for proxies.
        "else" otherwise: Otherwise,
    }
}

section! {
    /// What a rule for the way out matches. Members that are given must all match.
    WhenSection needs [] {
        /// Countries the request comes from (`HK`).
        "loc" loc: Words,
        /// Data centres (`HKG`).
        "colo" colo: Words,
        /// Providers.
        "provider" provider: Words,
    }
}

section! {
    /// Limits.
    LimitsSection needs [] {
        /// Bytes of a JSON body, decoded size included. Default 33554432 (20971520 at most on Workers).
        "json_body_bytes" json_body_bytes: Count<1024, 1_073_741_824>,
        /// Bytes of a request's head (native server). Default 65536.
        "head_bytes" head_bytes: Count<1024, 1_048_576>,
        /// Open client connections (native server). Default 65536.
        "connections" connections: Count<1, 1_000_000>,
    }
}

section! {
    /// Logging.
    LogSection needs [] {
        /// How log lines are written.
        "format" format: LogFormat,
        /// Where the access log goes: a file, `-` for standard output, or `off`.
        "access" access: AccessLog,
    }
}

section! {
    /// HTTPS.
    TlsSection needs ["cert", "key"] {
        /// File with the certificate chain (PEM).
        "cert" cert: String,
        /// File with the private key (PEM).
        "key" key: String,
    }
}

section! {
    /// An entry of `CUSTOM_OPENAI_ENDPOINTS`.
    EndpointSection needs ["name", "baseUrl"] {
        /// Its name in paths and model prefixes.
        "name" name: String,
        /// Base URL.
        "baseUrl" base_url: BaseUrl,
        /// Keys: one, several separated by commas, or an array.
        "apiKeys" keys: Nullable<Keys>,
        /// A fixed model list.
        "models" models: Nullable<Vec<Located<String>>>,
        /// Path of chat completions. Default `/chat/completions`.
        "chatCompletionPath" chat_path: Nullable<SubPath>,
        /// Path of the model list. Default `/models`.
        "modelsPath" models_path: Nullable<SubPath>,
    }
}

/// What to do when a way out fails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Otherwise {
    Direct,
    Fail,
}

/// A target as it is written: a name, or an object.
pub(super) struct TargetEntry {
    pub(super) target: String,
    pub(super) weight: u16,
}

impl Read for TargetEntry {
    fn read(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Self> {
        let Value::Object(_) = value else {
            return String::read(value, at, cx).map(|target| Self { target, weight: 1 });
        };
        let section = TargetSection::read(value, at, cx)?;
        let weight = section.weight.and_then(|found| u16::try_from(found.value.0).ok()).unwrap_or(1);
        Some(Self { target: section.target?.value, weight })
    }
    fn shape() -> Shape {
        Shape::Either(vec![String::shape(), TargetSection::shape()])
    }
}

/// A word for a class of failures.
pub(super) struct FallbackWord(pub(super) &'static [Class]);

impl Read for FallbackWord {
    fn read(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Self> {
        let words: Vec<&str> = Class::NAMED.iter().map(|(word, _)| *word).collect();
        let parse = |word: &str| {
            Class::NAMED.iter().find(|(name, _)| *name == word).map(|(_, classes)| Self(classes))
        };
        read_word(value, &words, parse, at, cx)
    }
    fn shape() -> Shape {
        Shape::Choice(Class::NAMED.iter().map(|(word, _)| (*word).into()).collect())
    }
}

choice! {
    Balance {
        Ordered = "ordered",
        Weighted = "weighted",
        RoundRobin = "round_robin",
        LeastInFlight = "least_in_flight",
    }
}
choice! { Otherwise { Direct = "direct", Fail = "fail" } }
choice! { LogFormat { Json = "json", Pretty = "pretty" } }

impl Read for HttpVersion {
    /// `1` and `2` may be numbers: that is how people write versions.
    fn read(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Self> {
        if let Value::NumberLit(number) = value {
            match number.value {
                "1" => return Some(Self::Http1),
                "2" => return Some(Self::Http2),
                _ => {}
            }
            cx.out.problem(at, "must be one of auto, 1, 2", "");
            return None;
        }
        let parse = |word: &str| match word {
            "auto" => Some(Self::Auto),
            "1" => Some(Self::Http1),
            "2" => Some(Self::Http2),
            _ => None,
        };
        read_word(value, &["auto", "1", "2"], parse, at, cx)
    }
    fn shape() -> Shape {
        Shape::Choice(vec![json!("auto"), json!(1), json!(2), json!("1"), json!("2")])
    }
}
