//! An isolate without JavaScript: what goes in, and which commands come out.

use std::cell::Cell;
use wharf_worker::edge::Edge;
use wharf_worker::ops::Platform;

/// `Tag`s by number, as JavaScript knows them.
const COLLECT: u32 = 1;
const SEND: u32 = 3;
const READ: u32 = 4;
const SLEEP: u32 = 5;
const CANCEL: u32 = 7;
const DROP: u32 = 8;
const RESPOND: u32 = 9;
const LOG: u32 = 10;
const NOTICE: u32 = 16;

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(1_795_000_000_000) };
}

struct Still;

impl Platform for Still {
    fn now(&self) -> u64 {
        NOW.get()
    }
    fn fill(&self, block: &mut [u8]) {
        block.fill(7);
    }
}

struct Isolate(Edge);

impl Isolate {
    fn new(env: &[(&str, &str)]) -> (Self, Vec<u32>) {
        let mut isolate = Self(Edge::new(Box::new(Still)));
        let input = serde_json::json!({ "env": env, "file": null }).to_string();
        isolate.put(input.as_bytes());
        let said = isolate.does(Edge::configure);
        (isolate, said)
    }

    fn put(&mut self, input: &[u8]) {
        self.0.room(input.len()).copy_from_slice(input);
    }

    /// What a call leaves, as words.
    fn does(&mut self, call: impl FnOnce(&mut Edge)) -> Vec<u32> {
        self.0.clear();
        call(&mut self.0);
        self.0.commands()
    }

    fn begin(&mut self, head: &str, has_body: bool) -> Vec<u32> {
        self.put(head.as_bytes());
        self.does(|edge| edge.begin(1, has_body))
    }

    fn event(&mut self, op: u32, kind: u32, given: &[u8]) -> Vec<u32> {
        self.put(given);
        self.does(|edge| edge.event(1, op, kind))
    }
}

const ENV: &[(&str, &str)] = &[("PROXY_API_KEY", "team-a"), ("OPENAI_API_KEY", "sk-1")];
const CHAT: &str =
    "POST\nhttps://w.example/v1/chat/completions\nDE\nFRA\nauthorization\nBearer team-a\ncontent-length\n90";
const BODY: &[u8] = br#"{"model":"openai/gpt-5","stream":true,"messages":[]}"#;

#[test]
fn a_request_is_collected_sent_held_and_relayed() {
    let (mut isolate, said) = Isolate::new(ENV);
    assert!(said.is_empty(), "{said:?}");
    let asked = isolate.begin(CHAT, true);
    assert_eq!(asked, [COLLECT, 1, 20 << 20]);
    let sent = isolate.event(1, 0, BODY);
    assert_eq!(sent[..3], [SEND, 2, 600_000]);
    let held = isolate.event(2, 0, b"200\ncontent-type\ntext/event-stream");
    assert_eq!((held[0], held[2], held[4]), (READ, 2, SLEEP), "{held:?}");
    let answered = isolate.event(held[1], 1, b"data: {\"choices\":[]}\n\n");
    assert!(answered.contains(&RESPOND) && answered.contains(&CANCEL), "{answered:?}");
    assert!(!answered.contains(&DROP), "JavaScript has the body now: {answered:?}");
    let ended = isolate.does(|edge| edge.ended(1, 7));
    assert_eq!(ended[0], 14);
    assert!(ended[2] > 0, "a stream that breaks off gets an error event: {ended:?}");
    let settled = isolate.does(|edge| edge.left(1, 100));
    assert_eq!(settled[0], LOG);
    assert_eq!(isolate.0.under_way(), (0, 0, 0));
}

#[test]
fn what_is_piped_is_given_up_hardly_later_than_its_time_is_over() {
    let config = r#"{"providers":{"openai":{"timeouts":{"total_ms":5000}}}}"#;
    for (media, piece, wait, look) in [
        ("text/event-stream", "data: {\"choices\":[]}\n\n".into(), 6500, 1000),
        ("application/json", format!("[{}", "1,".repeat(100_000)), 5150, 100),
    ] {
        let (mut isolate, said) = Isolate::new(&[
            ("PROXY_API_KEY", "team-a"),
            ("OPENAI_API_KEY", "sk-1"),
            ("WHARF_CONFIG", config),
        ]);
        assert!(said.is_empty(), "{said:?}");
        isolate.begin(CHAT, true);
        isolate.event(1, 0, BODY);
        let held = isolate.event(2, 0, format!("200\ncontent-type\n{media}").as_bytes());
        let read = held.iter().position(|word| *word == READ).map(|at| held[at + 1]).unwrap();
        let answered = isolate.event(read, 1, piece.as_bytes());
        let respond = answered.iter().position(|word| *word == RESPOND).unwrap();
        let [relayed, body, _, until, every] = answered[respond + 4..respond + 9] else {
            panic!("an answer")
        };
        assert_eq!((relayed, body, until, every), (3, 2, wait, look), "{media}: {answered:?}");
    }
}

#[test]
fn a_client_that_leaves_takes_everything_with_it() {
    let (mut isolate, _) = Isolate::new(ENV);
    isolate.begin(CHAT, true);
    isolate.event(1, 0, BODY);
    let left = isolate.does(|edge| edge.left(1, 0));
    assert!(left.starts_with(&[CANCEL, 2]) && left.contains(&LOG), "{left:?}");
    assert_eq!(isolate.0.under_way(), (0, 0, 0));
    assert!(isolate.event(2, 0, b"200").is_empty(), "its answer comes too late");
}

#[test]
fn what_the_platform_forgot_is_let_go() {
    let (mut isolate, _) = Isolate::new(ENV);
    isolate.begin(CHAT, true);
    isolate.event(1, 0, BODY);
    let other = |isolate: &mut Isolate| {
        isolate.put(b"GET\nhttps://w.example/health\n\n");
        isolate.does(|edge| edge.begin(2, false))
    };
    NOW.set(NOW.get() + 600_000);
    assert!(!other(&mut isolate).contains(&CANCEL), "its provider may still answer");
    NOW.set(NOW.get() + 600_000);
    assert!(other(&mut isolate).starts_with(&[CANCEL, 2]));
    assert_eq!(isolate.0.under_way(), (0, 0, 0));
}

#[test]
fn a_stranger_is_refused_without_a_call() {
    let (mut isolate, _) = Isolate::new(ENV);
    let refused =
        isolate.begin("GET\nhttps://w.example/openai/v1/models\n\n\nauthorization\nBearer nobody", false);
    assert_eq!(refused[..2], [RESPOND, 401]);
    assert!(!refused.contains(&SEND));
}

#[test]
fn a_configuration_with_problems_serves_nothing() {
    let (mut isolate, said) = Isolate::new(&[("PROXY_API_KEY", "team-a"), ("WHARF_CONFIG", "{\"nope\":1}")]);
    assert_eq!(said[0], NOTICE);
    for path in ["/health", "/v1/models", "/status"] {
        let head = format!("GET\nhttps://w.example{path}\n\n\nauthorization\nBearer team-a");
        assert_eq!(isolate.begin(&head, false)[..2], [RESPOND, 500], "{path}");
    }
}

#[test]
fn the_configuration_may_be_cut_into_variables() {
    let env = [
        ("PROXY_API_KEY", "team-a"),
        ("WHARF_CONFIG", "{\"aliases\":{\"fast\":"),
        ("WHARF_CONFIG_2", "\"echo/x\"}}"),
    ];
    let (_, said) = Isolate::new(&env);
    assert!(said.is_empty(), "{said:?}");
}
