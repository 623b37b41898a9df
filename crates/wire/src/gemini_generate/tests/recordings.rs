//! All recorded exchanges of this format, through our readers and writers and back: `WHARF_FIXTURES` names the folder.

use crate::Format;
use crate::chat::{Quirks, ReasoningAsk, Target};
use crate::translate::{self, Context, Said};
use serde_json::Value;
use std::path::PathBuf;

/// Every recording of generateContent: its file's name and the exchange.
fn recordings() -> Vec<(String, Value)> {
    let Some(folder) = std::env::var_os("WHARF_FIXTURES").map(PathBuf::from) else {
        println!("WHARF_FIXTURES is not set: no recordings were read");
        return Vec::new();
    };
    let mut all = Vec::new();
    for provider in ["gemini", "vertex"] {
        for file in std::fs::read_dir(folder.join(provider)).into_iter().flatten().flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            if name.starts_with("generate-content") {
                let exchange = serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap();
                all.push((name, exchange));
            }
        }
    }
    all
}

/// What can be compared of an answer.
#[derive(Debug, Default, PartialEq)]
struct Gist {
    text: String,
    thoughts: String,
    calls: Vec<(String, Value)>,
    signatures: usize,
    finish: Option<String>,
    input: Option<u64>,
    output: Option<u64>,
}

fn chunks(body: &str) -> Vec<Value> {
    match body.trim_start().bytes().next() {
        Some(b'{') => return vec![serde_json::from_str(body).unwrap()],
        Some(b'[') => return serde_json::from_str(body).unwrap(),
        _ => {}
    }
    let data = body.lines().filter_map(|line| line.strip_prefix("data:"));
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn gist(chunks: &[Value]) -> Gist {
    let mut gist = Gist::default();
    for chunk in chunks {
        let candidates = chunk["candidates"].as_array().into_iter().flatten();
        let Some(first) = candidates.into_iter().find(|c| c["index"].as_u64().unwrap_or(0) == 0) else {
            continue;
        };
        for part in first["content"]["parts"].as_array().into_iter().flatten() {
            let text = part["text"].as_str().unwrap_or_default();
            if part["thought"] == true { &mut gist.thoughts } else { &mut gist.text }.push_str(text);
            if let Some(name) = part["functionCall"]["name"].as_str() {
                let arguments = part["functionCall"].get("args").cloned();
                let arguments = arguments.unwrap_or_else(|| serde_json::json!({}));
                gist.calls.push((name.to_owned(), arguments));
            }
            let own = part.get("text").is_some() || part.get("functionCall").is_some();
            gist.signatures += usize::from(own && part.get("thoughtSignature").is_some());
        }
        let finish = &first["finishReason"];
        if !finish.is_null() {
            gist.finish = Some(if *finish == 1 { "STOP".into() } else { finish.as_str().unwrap().into() });
        }
        let count = |name: &str| chunk["usageMetadata"][name].as_u64();
        let sum = |a: Option<u64>, b: Option<u64>| a.map(|a| a + b.unwrap_or(0)).or(b);
        gist.input = sum(count("promptTokenCount"), count("toolUsePromptTokenCount")).or(gist.input);
        gist.output = sum(count("candidatesTokenCount"), count("thoughtsTokenCount")).or(gist.output);
    }
    gist
}

fn body_of(response: &Value) -> String {
    match response.get("body_text").and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => response["body_json"].to_string(),
    }
}

#[test]
fn answers_come_back_as_they_were() {
    let context = Context { request_id: "req_1".into(), ..Context::default() };
    let mut wrong = Vec::new();
    for (name, exchange) in recordings() {
        let response = &exchange["response"];
        let body = body_of(response);
        if response["status"] != 200 || body.contains("partialArgs") {
            continue;
        }
        let want = gist(&chunks(&body));
        let format = Format::GeminiGenerate;
        let streamed = !body.trim_start().starts_with(['{', '[']);
        let whole = if streamed {
            translate::gather(format, format, body.as_bytes(), &context)
        } else {
            translate::whole(format, format, body.as_bytes(), false, &context)
        };
        let got = whole.map(|whole| gist(&chunks(&String::from_utf8(whole.body).unwrap())));
        if got.as_ref() != Ok(&want) {
            wrong.push(format!("{name}: {got:?} instead of {want:?}"));
        }
        let mut out = Vec::new();
        if streamed {
            let mut pipe = translate::Pipe::new(format, format, &context).unwrap();
            body.as_bytes().iter().for_each(|byte| pipe.push(&[*byte], &mut out));
            pipe.finish(crate::End::Clean, &mut out);
        } else {
            out = translate::whole(format, format, body.as_bytes(), true, &context).unwrap().body;
        }
        let got = gist(&chunks(&String::from_utf8(out).unwrap()));
        if got != want {
            wrong.push(format!("{name}, streamed: {got:?} instead of {want:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn requests_come_back_as_they_were() {
    let newest = Quirks {
        reasoning: ReasoningAsk::Level,
        result_media: true,
        call_signature: Some("skip_thought_signature_validator"),
        ..Quirks::default()
    };
    let older =
        Quirks { reasoning: ReasoningAsk::Budget, schema_subset: true, call_ids: false, ..Quirks::default() };
    let mut wrong = Vec::new();
    let mut losses = std::collections::BTreeMap::<String, usize>::new();
    for (name, exchange) in recordings() {
        let Some(body) = exchange["request"].get("body_json").filter(|body| body.is_object()) else {
            continue;
        };
        let text = body.to_string();
        let said = Said { model: Some("gemini"), ..Said::default() };
        let request = match translate::read_request(Format::GeminiGenerate, text.as_bytes(), &said) {
            Ok(request) => request,
            Err(invalid) => {
                wrong.push(format!("{name}: {invalid}"));
                continue;
            }
        };
        for quirks in [&newest, &older] {
            let target = Target { model: "gemini", stream: false, quirks };
            match translate::write_request(Format::GeminiGenerate, &request, &target) {
                Ok(written) => {
                    let back: Value = serde_json::from_slice(&written.body).unwrap();
                    if let Some(why) = differs(body, &back) {
                        wrong.push(format!("{name}: {why}"));
                    }
                    for lost in written.losses.names(super::super::types::field_name) {
                        *losses.entry(lost).or_default() += 1;
                    }
                }
                Err(refused) => wrong.push(format!("{name}: {refused:?}")),
            }
        }
    }
    println!("{losses:#?}");
    let expected = |line: &String| {
        // What is stored at Google, a role that isn't one, nothing said, far too hot.
        let why = ["cachedContent", "invalid-role", "empty-user-prompt", "invalid-temperature"];
        why.iter().any(|why| line.contains(why))
    };
    wrong.retain(|line| !expected(line));
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

fn get<'v>(value: &'v Value, camel: &str, snake: &str) -> &'v Value {
    value.get(camel).or_else(|| value.get(snake)).unwrap_or(&Value::Null)
}

/// What of a request must survive: texts, calls, results by name, tools by name, numbers.
fn differs(from: &Value, to: &Value) -> Option<String> {
    let parts = |body: &Value| -> Vec<String> {
        let contents = body["contents"].as_array().into_iter().flatten();
        let parts = contents.flat_map(|content| content["parts"].as_array().into_iter().flatten());
        let mut all: Vec<String> = parts
            .filter_map(|part| {
                let call = get(part, "functionCall", "function_call");
                let result = get(part, "functionResponse", "function_response");
                if call.is_object() {
                    return Some(format!("call {} {}", call["name"], get(call, "args", "args")));
                }
                if result.is_object() {
                    return Some(format!("result {}", result["name"]));
                }
                let unsigned = get(part, "thoughtSignature", "thought_signature").is_null();
                if part["thought"] == true && unsigned {
                    return None;
                }
                let text = part["text"].as_str().filter(|text| !text.is_empty())?;
                (!text.starts_with("What the tool ")).then(|| text.to_owned())
            })
            .collect();
        all.sort();
        all
    };
    let tools = |body: &Value| -> Vec<Value> {
        let tools = body["tools"].as_array().into_iter().flatten();
        let all = tools.flat_map(|tool| {
            get(tool, "functionDeclarations", "function_declarations").as_array().into_iter().flatten()
        });
        all.map(|tool| tool["name"].clone()).collect()
    };
    if parts(from) != parts(to) {
        return Some(format!("parts {:?} instead of {:?}", parts(to), parts(from)));
    }
    if tools(from) != tools(to) {
        return Some(format!("tools {:?} instead of {:?}", tools(to), tools(from)));
    }
    let config = get(from, "generationConfig", "generation_config");
    for name in ["temperature", "maxOutputTokens", "topP", "topK"] {
        if config[name].as_f64() != to["generationConfig"][name].as_f64() {
            return Some(format!("{name}: {} instead of {}", to["generationConfig"][name], config[name]));
        }
    }
    None
}
