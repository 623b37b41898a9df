use super::cache::{Cache, Look, Slot};
use super::*;
use crate::provider::catalog::{builtins, find};
use serde_json::json;
use wharf_wire::format::Format;

fn read(id: &str, body: &Value) -> Option<Page> {
    read_page(find(builtins(), id).unwrap(), body.to_string().as_bytes())
}

#[test]
fn entries_keep_what_the_predecessor_keeps() {
    for (id, body, wanted) in [
        (
            "openai",
            json!({"object": "list", "data": [{"id": "gpt-5", "object": "model", "created": 5, "owned_by": "system", "x": 1}]}),
            json!({"id": "openai/gpt-5", "object": "model", "created": 5, "owned_by": "system", "x": 1}),
        ),
        (
            "anthropic",
            json!({"data": [{"type": "model", "id": "claude-x", "display_name": "X", "created_at": "2025-02-19T00:00:00Z"}]}),
            json!({"id": "anthropic/claude-x", "object": "model", "created": 1_739_923_200, "owned_by": "anthropic", "_": {"display_name": "X"}}),
        ),
        (
            "cohere",
            json!({"models": [{"name": "command-a", "endpoints": ["chat"], "finetuned": false}]}),
            json!({"id": "cohere/command-a", "object": "model", "created": 0, "owned_by": "cohere", "_": {"endpoints": ["chat"], "finetuned": false}}),
        ),
        (
            "google-ai-studio",
            json!({"models": [{"name": "models/gemini-2.5-pro", "version": "1"}]}),
            json!({"id": "google-ai-studio/gemini-2.5-pro", "object": "model", "created": 0, "owned_by": "google_ai_studio", "_": {"version": "1"}}),
        ),
        (
            "groq",
            json!({"data": [{"id": "llama", "object": "model", "created": 7, "owned_by": "Meta", "active": true}]}),
            json!({"id": "groq/llama", "object": "model", "created": 7, "owned_by": "Meta", "_": {"active": true}}),
        ),
        (
            "mistral",
            json!({"data": [{"id": "m", "object": "model", "created": 7, "owned_by": "mistralai", "aliases": []}]}),
            json!({"id": "mistral/m", "object": "model", "created": 7, "owned_by": "mistralai", "_": {"aliases": []}}),
        ),
        (
            "openrouter",
            json!({"data": [{"id": "openai/gpt-5", "name": "GPT", "created": 9}]}),
            json!({"id": "openrouter/openai/gpt-5", "object": "model", "created": 9, "owned_by": "openrouter", "_": {"name": "GPT"}}),
        ),
        (
            "workers-ai",
            json!({"success": true, "result": [{"id": "u-u-i-d", "name": "@cf/meta/llama", "task": {"name": "Text Generation"}}]}),
            json!({"id": "workers-ai/@cf/meta/llama", "object": "model", "created": 0, "owned_by": "workers_ai", "_": {"id": "u-u-i-d", "task": {"name": "Text Generation"}}}),
        ),
    ] {
        let page = read(id, &body).unwrap();
        // Compared as text: the order of members is part of it.
        assert_eq!(
            page.entries.iter().map(Value::to_string).collect::<Vec<_>>(),
            [wanted.to_string()],
            "{id}"
        );
        assert_eq!(page.next, None, "{id}");
    }
}

#[test]
fn what_is_not_a_list_makes_the_provider_missing() {
    for body in
        [&b""[..], b"<html>", b"null", b"[]", b"{}", b"{\"data\":null}", b"{\"error\":{\"message\":\"x\"}}"]
    {
        assert_eq!(read_page(find(builtins(), "openai").unwrap(), body), None);
    }
    assert_eq!(read("replicate", &json!({"data": []})), None);
    // Entries without a name are left out, the rest stays.
    let page = read("openai", &json!({"data": [{"object": "model"}, 5, {"id": 7}, {"id": "a"}]})).unwrap();
    assert_eq!(page.entries, [json!({"id": "openai/a"})]);
    assert_eq!(read("openai", &json!({"data": []})).unwrap().entries, [] as [Value; 0]);
}

#[test]
fn the_next_page_is_asked_as_each_provider_wants_it() {
    for (id, body, next) in [
        (
            "anthropic",
            json!({"data": [], "has_more": true, "last_id": "claude-x"}),
            Some("after_id=claude-x"),
        ),
        ("anthropic", json!({"data": [], "has_more": false, "last_id": "claude-x"}), None),
        (
            "google-ai-studio",
            json!({"models": [], "nextPageToken": "a/b+c=&d"}),
            Some("pageToken=a%2Fb%2Bc%3D%26d"),
        ),
        ("google-ai-studio", json!({"models": [], "nextPageToken": ""}), None),
        ("cohere", json!({"models": [], "next_page_token": "t"}), Some("page_token=t")),
        ("cohere", json!({"models": [], "next_page_token": null}), None),
        ("workers-ai", json!({"result": [], "result_info": {"page": 1, "total_pages": 3}}), Some("page=2")),
        (
            "workers-ai",
            json!({"result": [], "result_info": {"page": 2, "per_page": 50, "total_count": 101}}),
            Some("page=3"),
        ),
        (
            "workers-ai",
            json!({"result": [], "result_info": {"page": 3, "per_page": 50, "total_count": 101}}),
            None,
        ),
        ("workers-ai", json!({"result": [], "result_info": {"per_page": 0, "total_count": 1}}), None),
        ("workers-ai", json!({"result": []}), None),
        ("openai", json!({"data": [], "has_more": true, "last_id": "x"}), None),
    ] {
        assert_eq!(read(id, &body).unwrap().next.as_deref(), next, "{id}: {body}");
    }
}

#[test]
fn dates_are_read_as_rfc_3339() {
    for (text, wanted) in [
        ("1970-01-01T00:00:00Z", Some(0)),
        ("2000-02-29T12:00:01Z", Some(951_825_601)),
        ("2025-02-19T00:00:00.123456Z", Some(1_739_923_200)),
        ("2025-02-19T01:30:00+01:30", Some(1_739_923_200)),
        ("2025-02-18T23:00:00-01:00", Some(1_739_923_200)),
        ("2025-02-19", None),
        ("2025-13-19T00:00:00Z", None),
        ("2025-02-19T00:00:00", None),
        ("yesterday", None),
        ("", None),
        ("2025-02-1\u{fc}T00:00:00Z", None),
    ] {
        assert_eq!(unix_seconds(text), wanted, "{text}");
    }
}

#[test]
fn lists_are_merged_in_order_and_failures_named() {
    let a: Entries = fixed("a", &["1", "2"], Millis(1_700_000_000_999)).into();
    let b: Entries = fixed("b", &["x/y"], Millis(0)).into();
    let listing = merge([("a", Some(a)), ("c", None), ("b", Some(b)), ("d", None)]);
    let ids: Vec<&str> = listing.entries.iter().filter_map(|entry| entry["id"].as_str()).collect();
    assert_eq!(ids, ["a/1", "a/2", "b/x/y"]);
    assert_eq!(listing.missing, ["c", "d"]);
    assert_eq!(
        listing.entries[0],
        json!({"id": "a/1", "object": "model", "created": 1_700_000_000, "owned_by": "a"})
    );
}

fn shown(dialect: Format, entries: &[Value]) -> Value {
    serde_json::from_slice(&render(dialect, entries)).unwrap()
}

#[test]
fn each_dialect_reads_its_own_list() {
    let anthropic = json!({"data": [{"type": "model", "id": "c", "display_name": "C", "created_at": "2025-02-19T00:00:00Z"}]});
    let google = json!({"models": [{"name": "models/g", "displayName": "G", "inputTokenLimit": 9, "supportedGenerationMethods": ["embedContent"]}]});
    let mut entries = read("anthropic", &anthropic).unwrap().entries;
    entries.extend(read("google-ai-studio", &google).unwrap().entries);

    assert_eq!(render(Format::OpenAiChat, &[]), b"{\"data\":[],\"object\":\"list\"}");
    assert_eq!(shown(Format::OpenAiResponses, &entries), json!({"data": entries, "object": "list"}));
    assert_eq!(
        shown(Format::AnthropicMessages, &entries),
        json!({
            "data": [
                {"type": "model", "id": "anthropic/c", "display_name": "C", "created_at": "2025-02-19T00:00:00Z"},
                {"type": "model", "id": "google-ai-studio/g", "display_name": "G", "created_at": "1970-01-01T00:00:00Z"},
            ],
            "has_more": false, "first_id": "anthropic/c", "last_id": "google-ai-studio/g",
        })
    );
    assert_eq!(
        shown(Format::AnthropicMessages, &[]),
        json!({"data": [], "has_more": false, "first_id": null, "last_id": null})
    );
    assert_eq!(
        shown(Format::GeminiGenerate, &entries),
        json!({"models": [
            {"name": "models/anthropic/c", "displayName": "C", "supportedGenerationMethods": ["generateContent", "countTokens"]},
            {"name": "models/google-ai-studio/g", "displayName": "G", "inputTokenLimit": 9, "supportedGenerationMethods": ["embedContent"]},
        ]})
    );
}

#[test]
fn one_model_is_found_by_its_whole_id() {
    let entries = fixed("groq", &["openai/gpt-oss"], Millis(0));
    let found = one(Format::OpenAiChat, &entries, "groq/openai/gpt-oss").unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&found).unwrap(), entries[0]);
    let found: Value =
        serde_json::from_slice(&one(Format::AnthropicMessages, &entries, "groq/openai/gpt-oss").unwrap())
            .unwrap();
    assert_eq!(found["type"], "model");
    let found: Value =
        serde_json::from_slice(&one(Format::GeminiGenerate, &entries, "groq/openai/gpt-oss").unwrap())
            .unwrap();
    assert_eq!(found["name"], "models/groq/openai/gpt-oss");
    assert_eq!(one(Format::OpenAiChat, &entries, "gpt-oss"), None);
}

fn slot(provider: &str, key: Option<usize>) -> Slot {
    Slot { provider: provider.into(), key }
}

#[test]
fn the_cache_is_fresh_for_five_minutes_then_stale_then_empty() {
    let mut cache = Cache::default();
    let list: Entries = fixed("a", &["1"], Millis(0)).into();
    let a = slot("a", None);
    assert_eq!(cache.look(&a, Millis(0)), Look::Empty);
    cache.put(a.clone(), list.clone(), Millis::seconds(1000));
    let minute = |minutes: u64| Millis::seconds(1000 + minutes * 60);
    assert_eq!(cache.look(&a, minute(4)), Look::Fresh(list.clone()));
    assert_eq!(cache.look(&a, Millis(0)), Look::Fresh(list.clone()), "a clock that steps back");
    assert_eq!(cache.look(&slot("a", Some(1)), minute(4)), Look::Empty, "another key, another list");
    let stale = |revalidate| Look::Stale { entries: list.clone(), revalidate };
    assert_eq!(cache.look(&a, minute(5)), stale(true));
    assert_eq!(cache.look(&a, minute(5)), stale(false), "one asks for all");
    assert_eq!(cache.look(&a, minute(6)), stale(true), "who was sent did not come back");
    cache.put(a.clone(), list.clone(), minute(6));
    assert_eq!(cache.look(&a, minute(7)), Look::Fresh(list.clone()));
    assert_eq!(cache.look(&a, minute(66)), Look::Empty);
    cache.put(a.clone(), list, minute(70));
    cache.forget(&a);
    assert_eq!(cache.look(&a, minute(70)), Look::Empty);
}

#[test]
fn another_table_keeps_the_lists_of_those_that_stay() {
    let mut cache = Cache::default();
    let list: Entries = fixed("a", &["1"], Millis(0)).into();
    for slot in [slot("a", None), slot("a", Some(1)), slot("b", None)] {
        cache.put(slot, list.clone(), Millis(0));
    }
    let stale = Millis::seconds(400);
    assert_eq!(cache.look(&slot("a", None), stale), Look::Stale { entries: list.clone(), revalidate: true });
    let mut kept = cache.kept(|provider| provider == "a");
    // Whoever was sent asks for the old table.
    assert_eq!(kept.look(&slot("a", None), stale), Look::Stale { entries: list.clone(), revalidate: true });
    assert_eq!(kept.look(&slot("a", Some(1)), Millis(0)), Look::Fresh(list));
    assert_eq!(kept.look(&slot("b", None), Millis(0)), Look::Empty);
}

#[test]
fn the_cache_holds_so_many_lists_and_no_more() {
    let mut cache = Cache::default();
    let list: Entries = Vec::new().into();
    for key in 0..1000 {
        cache.put(slot("a", Some(key)), list.clone(), Millis(key as u64));
    }
    let held =
        (0..1000).filter(|key| cache.look(&slot("a", Some(*key)), Millis(1000)) != Look::Empty).count();
    assert_eq!(held, 256);
    assert_ne!(cache.look(&slot("a", Some(999)), Millis(1000)), Look::Empty);
    assert_eq!(cache.look(&slot("a", Some(0)), Millis(1000)), Look::Empty);
}
