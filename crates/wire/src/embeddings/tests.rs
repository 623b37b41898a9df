//! Every form, both ways.

use super::*;
use crate::json::{parse, parse_lossy};
use serde_json::{Value, json};

const BOTH: &str = r#"{"model":"m","input":["one","two"],"dimensions":2}"#;
const ONE: &str = r#"{"model":"m","input":"one","dimensions":2,"input_type":"query","user":"u","odd":1}"#;

fn request(text: &str) -> Result<EmbedRequest<'_>, Invalid> {
    EmbedRequest::read(parse(text.as_bytes()).unwrap())
}

fn written(text: &str, form: EmbedForm) -> (Value, Vec<String>) {
    let written = request(text).unwrap().write(form, "model-1").unwrap();
    (serde_json::from_slice(&written.body).unwrap(), written.losses.names(|_| ""))
}

#[test]
fn every_form_is_asked_in_its_words() {
    let part = |text: &str| json!({"model": "models/model-1", "content": {"parts": [{"text": text}]}, "outputDimensionality": 2});
    let forms = [
        (EmbedForm::OpenAi, json!({"model": "model-1", "input": ["one", "two"], "dimensions": 2})),
        (EmbedForm::Gemini, json!({"requests": [part("one"), part("two")]})),
        (
            EmbedForm::VertexPredict,
            json!({"instances": [{"content": "one"}, {"content": "two"}], "parameters": {"outputDimensionality": 2}}),
        ),
        (
            EmbedForm::CohereV2,
            json!({"model": "model-1", "input_type": "search_document", "texts": ["one", "two"],
                "embedding_types": ["float"], "output_dimension": 2}),
        ),
        (
            EmbedForm::BedrockCohere,
            json!({"input_type": "search_document", "texts": ["one", "two"], "output_dimension": 2}),
        ),
        (EmbedForm::Ollama, json!({"model": "model-1", "input": ["one", "two"], "dimensions": 2})),
    ];
    for (form, expected) in forms {
        assert_eq!(written(BOTH, form), (expected, vec![]), "{form:?}");
    }
    assert_eq!(
        written(BOTH, EmbedForm::WorkersAi),
        (json!({"text": ["one", "two"]}), vec!["dimensions".into()])
    );
}

#[test]
fn what_has_no_place_is_listed() {
    let (body, lost) = written(ONE, EmbedForm::BedrockTitan);
    assert_eq!(body, json!({"inputText": "one", "dimensions": 2}));
    assert_eq!(lost, ["odd", "user", "input_type"]);
    let (body, lost) = written(ONE, EmbedForm::BedrockNova);
    assert_eq!(
        body,
        json!({"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": {"embeddingPurpose": "TEXT_RETRIEVAL",
            "embeddingDimension": 2, "text": {"truncationMode": "END", "value": "one"}}})
    );
    assert_eq!(lost, ["odd", "user"]);
    assert_eq!(written(ONE, EmbedForm::Gemini).0["requests"][0]["taskType"], "RETRIEVAL_QUERY");
    assert_eq!(written(ONE, EmbedForm::CohereV2).0["input_type"], "search_query");
}

#[test]
fn what_can_not_be_asked_is_refused_by_its_path() {
    let refused = |text: &str, form| request(text).unwrap().write(form, "m").unwrap_err().path;
    assert_eq!(refused(BOTH, EmbedForm::BedrockTitan), "input");
    assert_eq!(refused(r#"{"input":[1,2]}"#, EmbedForm::Gemini), "input");
    assert_eq!(written(r#"{"input":[[1,2],[3]]}"#, EmbedForm::OpenAi).0["input"], json!([[1, 2], [3]]));
    for (text, path) in [
        ("{}", "input"),
        (r#"{"input":[]}"#, "input"),
        (r#"{"input":7}"#, "input"),
        (r#"{"input":["a",1]}"#, "input[1]"),
        (r#"{"input":[1,"a"]}"#, "input[1]"),
        (r#"{"input":[[1],["a"]]}"#, "input[1]"),
        (r#"{"input":"a","encoding_format":"hex"}"#, "encoding_format"),
        (r#"{"input":"a","dimensions":-1}"#, "dimensions"),
        (r#"{"input":"a","input_type":"x"}"#, "input_type"),
        ("[]", "the body"),
    ] {
        assert_eq!(request(text).unwrap_err().path, path, "{text}");
    }
}

fn answered(form: EmbedForm, answer: &Value, base64: bool) -> Value {
    let text = answer.to_string();
    let read = read_response(form, &parse_lossy(text.as_bytes()).unwrap(), "m", base64, None).unwrap();
    serde_json::from_slice(&read.body).unwrap()
}

#[test]
fn every_form_answers_with_openais_list() {
    let vectors = json!([[0.5, -1.0], [0.25, 2.0]]);
    let forms = [
        (
            EmbedForm::OpenAi,
            json!({"data": [{"embedding": [0.5, -1.0]}, {"embedding": [0.25, 2.0]}], "usage": {"prompt_tokens": 3}}),
        ),
        (
            EmbedForm::Gemini,
            json!({"embeddings": [{"values": [0.5, -1.0]}, {"values": [0.25, 2.0]}], "usageMetadata": {"promptTokenCount": 3}}),
        ),
        (
            EmbedForm::VertexPredict,
            json!({"predictions": [
                {"embeddings": {"values": [0.5, -1.0], "statistics": {"token_count": 1}}},
                {"embeddings": {"values": [0.25, 2.0], "statistics": {"token_count": 2}}}]}),
        ),
        (
            EmbedForm::CohereV2,
            json!({"embeddings": {"float": vectors}, "meta": {"billed_units": {"input_tokens": 3}}}),
        ),
        (
            EmbedForm::BedrockCohere,
            json!({"embeddings": vectors, "meta": {"billed_units": {"input_tokens": 3}}}),
        ),
        (EmbedForm::Ollama, json!({"embeddings": vectors, "prompt_eval_count": 3})),
        (
            EmbedForm::WorkersAi,
            json!({"result": {"data": vectors, "usage": {"prompt_tokens": 3}}, "success": true}),
        ),
    ];
    let list = |first: Value, second: Value| {
        json!({"object": "list", "model": "m", "usage": {"prompt_tokens": 3, "total_tokens": 3}, "data": [
            {"object": "embedding", "index": 0, "embedding": first},
            {"object": "embedding", "index": 1, "embedding": second}]})
    };
    for (form, answer) in forms {
        assert_eq!(answered(form, &answer, false), list(json!([0.5, -1.0]), json!([0.25, 2.0])), "{form:?}");
        // 0.5 is 00 00 00 3f, -1 is 00 00 80 bf, 0.25 is 00 00 80 3e, 2 is 00 00 00 40.
        assert_eq!(
            answered(form, &answer, true),
            list(json!("AAAAPwAAgL8="), json!("AACAPgAAAEA=")),
            "{form:?}"
        );
    }
    let titan =
        answered(EmbedForm::BedrockTitan, &json!({"embedding": [1], "inputTextTokenCount": 4}), false);
    assert_eq!((&titan["data"][0]["embedding"], &titan["usage"]["total_tokens"]), (&json!([1]), &json!(4)));
    let nova = answered(
        EmbedForm::BedrockNova,
        &json!({"embeddings": [{"embeddingType": "TEXT", "embedding": [1]}]}),
        false,
    );
    assert_eq!((&nova["data"][0]["embedding"], &nova["usage"]), (&json!([1]), &Value::Null));
}

#[test]
fn answers_without_vectors_are_failures() {
    let failed = |form, answer: &str| {
        let json = parse_lossy(answer.as_bytes()).unwrap();
        read_response(form, &json, "m", true, None).unwrap_err()
    };
    let workers = r#"{"success":false,"errors":[{"code":5006,"message":"bad input"}],"result":null}"#;
    assert_eq!(failed(EmbedForm::WorkersAi, workers).message, "bad input");
    assert_eq!(failed(EmbedForm::Ollama, r#"{"error":"no such model"}"#).message, "no such model");
    assert_eq!(failed(EmbedForm::Gemini, "{}").status, 502);
    assert_eq!(failed(EmbedForm::Ollama, r#"{"embeddings":[["x"]]}"#).status, 502);
}
