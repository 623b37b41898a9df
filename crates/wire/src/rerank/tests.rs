//! Every form, both ways.

use super::*;
use crate::json::{parse, parse_lossy};
use serde_json::{Value, json};

const ASKED: &str = r#"{"model":"m","query":"q","documents":["a",{"text":"b"},{"t":"c","n":1}],"top_n":2,
    "return_documents":true,"max_tokens_per_doc":9,"odd":1}"#;

fn request(text: &str) -> Result<RerankRequest<'_>, Invalid> {
    RerankRequest::read(parse(text.as_bytes()).unwrap())
}

fn written(form: RerankForm) -> (Value, Vec<String>) {
    let written = request(ASKED).unwrap().write(form, "model-1");
    (serde_json::from_slice(&written.body).unwrap(), written.losses.names(|_| ""))
}

#[test]
fn every_form_is_asked_in_its_words() {
    let documents = json!(["a", "b", r#"{"t":"c","n":1}"#]);
    assert_eq!(
        written(RerankForm::CohereV2),
        (
            json!({"model": "model-1", "query": "q", "documents": documents, "top_n": 2, "max_tokens_per_doc": 9}),
            vec!["odd".to_owned()]
        )
    );
    let body =
        json!({"api_version": 2, "query": "q", "documents": documents, "top_n": 2, "max_tokens_per_doc": 9});
    assert_eq!(written(RerankForm::BedrockCohere).0, body);
    let (body, lost) = written(RerankForm::BedrockAmazon);
    assert_eq!(body, json!({"query": "q", "documents": documents, "top_n": 2}));
    assert_eq!(lost, ["odd", "max_tokens_per_doc"]);
    let contexts = json!([{"text": "a"}, {"text": "b"}, {"text": r#"{"t":"c","n":1}"#}]);
    assert_eq!(written(RerankForm::WorkersAi).0, json!({"query": "q", "contexts": contexts, "top_k": 2}));
}

#[test]
fn named_members_are_what_is_ranked() {
    let text = r#"{"query":"q","documents":[{"a":"x","b":2,"c":3}],"rank_fields":["a","b"]}"#;
    assert_eq!(request(text).unwrap().documents, ["a: x\nb: 2\n"]);
}

#[test]
fn answers_are_lists_best_first() {
    let asked = request(ASKED).unwrap();
    let read = |form, answer: &Value| -> Value {
        let text = answer.to_string();
        let read = asked.read_response(form, &parse_lossy(text.as_bytes()).unwrap(), "m").unwrap();
        serde_json::from_slice(&read.body).unwrap()
    };
    let results = json!([
        {"index": 1, "relevance_score": 0.75, "document": {"text": "b"}},
        {"index": 0, "relevance_score": 0.5, "document": {"text": "a"}}]);
    let answer = json!({"id": "x", "results": [{"index": 1, "relevance_score": 0.75}, {"index": 0, "relevance_score": 0.5}],
        "meta": {"billed_units": {"search_units": 1}}});
    assert_eq!(
        read(RerankForm::CohereV2, &answer),
        json!({"id": "x", "object": "list", "model": "m", "results": results, "meta": {"billed_units": {"search_units": 1}}})
    );
    let answer = json!({"result": {"response": [{"id": 0, "score": 0.5}, {"id": 1, "score": 0.75}, {"id": 2, "score": 0}]}});
    assert_eq!(read(RerankForm::WorkersAi, &answer)["results"], results);
    let tokens = json!({"results": [], "usage": {"total_tokens": 5}});
    assert_eq!(read(RerankForm::BedrockAmazon, &tokens)["usage"]["total_tokens"], 5);
}

#[test]
fn what_is_wrong_has_its_path() {
    for (text, path) in [
        (r#"{"documents":["a"]}"#, "query"),
        (r#"{"query":"q"}"#, "documents"),
        (r#"{"query":"q","documents":["a",7]}"#, "documents[1]"),
        (r#"{"query":"q","documents":["a"],"top_n":"x"}"#, "top_n"),
    ] {
        assert_eq!(request(text).unwrap_err().path, path, "{text}");
    }
    let asked = request(ASKED).unwrap();
    let json = parse_lossy(br#"{"message":"no"}"#).unwrap();
    assert_eq!(asked.read_response(RerankForm::BedrockCohere, &json, "m").unwrap_err().message, "no");
}
