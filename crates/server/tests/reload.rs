//! Another configuration while the server runs: who can ask for it, what is checked, and that nobody notices.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use wharf_testkit::client::{Client, Response, fetch};
use wharf_testkit::process::{Folder, Launch, Wharf};
use wharf_testkit::secrets::assert_no_secret;
use wharf_testkit::upstream::{Reply, Upstream};

const ADMIN: &str = "admin-key-of-reload-0";
const CALLER: &str = "caller-key-of-reload-0";
const KEYS: [&str; 2] = ["sk-reload-first-00000000", "sk-reload-second-1111111"];
const SECRETS: [&str; 4] = [ADMIN, CALLER, KEYS[0], KEYS[1]];
const CHAT: &[u8] = br#"{"model":"openai/m","messages":[]}"#;

fn config(upstream: &Upstream, key: &str) -> Value {
    json!({
        "PROXY_API_KEY": CALLER,
        "ADMIN_API_KEY": ADMIN,
        "OPENAI_API_KEY": key,
        "providers": {"openai": {"base_url": upstream.url("/v1")}},
    })
}

fn launch(config: &Value) -> Launch {
    Wharf::launch(env!("CARGO_BIN_EXE_wharf")).config(&config.to_string())
}

/// Writes the file in place.
fn write(wharf: &Wharf, text: &str) {
    std::fs::write(wharf.folder().join("test.jsonc"), text).unwrap();
}

fn post(wharf: &Wharf, key: &str) -> Response {
    fetch(&wharf.base(), "POST", "/admin/reload", &[("authorization", &format!("Bearer {key}"))], b"")
}

fn reload(wharf: &Wharf) -> (u16, Value) {
    let response = post(wharf, ADMIN);
    (response.status, response.json())
}

fn ask(client: &mut Client, body: &[u8]) -> Response {
    client.request("POST", "/v1/chat/completions", &[("authorization", &format!("Bearer {CALLER}"))], body)
}

/// The keys that the upstream was called with.
fn keys(upstream: &Upstream) -> Vec<usize> {
    let key = |value: &str| KEYS.iter().position(|key| value == format!("Bearer {key}")).unwrap();
    upstream.requests().iter().map(|request| key(request.header("authorization").unwrap())).collect()
}

/// Waits for the `count`th line that says what came of a reload, and gives it.
fn told(wharf: &Wharf, count: usize) -> String {
    let lines = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.contains("reloaded (")).map(str::to_owned).collect()
    };
    let text = wharf.wait_for_stderr("the outcome of a reload", |text| lines(text).len() >= count);
    lines(&text).swap_remove(count - 1)
}

#[test]
fn requests_behind_the_answer_find_the_new_configuration_on_every_worker() {
    let upstream = Upstream::echo();
    let wharf = launch(&config(&upstream, KEYS[0])).args(&["--workers", "3"]).start();
    let mut clients: Vec<Client> = (0..12).map(|_| Client::connect(wharf.address())).collect();
    clients.iter_mut().for_each(|client| assert_eq!(ask(client, CHAT).status, 200));
    assert_eq!(keys(&upstream), [0; 12]);
    upstream.forget();
    let mut next = config(&upstream, KEYS[1]);
    next["aliases"] = json!({"fast": "openai/m"});
    next["routes"] = json!({"smart": {"targets": ["openai/m"]}});
    write(&wharf, &next.to_string());
    let (status, body) = reload(&wharf);
    let changes = ["provider openai changed, 1 key", "route smart added", "alias fast added"];
    assert_eq!(
        (status, &body["status"], &body["changes"]),
        (200, &json!("changed"), &json!(changes)),
        "{body}"
    );
    for client in &mut clients {
        assert_eq!(ask(client, br#"{"model":"smart","messages":[]}"#).status, 200);
    }
    assert_eq!(keys(&upstream), [1; 12]);
    assert!(told(&wharf, 1).contains(&changes.join("; ")));
    let (status, body) = reload(&wharf);
    assert_eq!((status, &body["status"]), (200, &json!("unchanged")));
    assert!(told(&wharf, 2).contains("(/admin/reload): no change"));
    let lines = wharf.access_log(26);
    let admin: Vec<_> = lines.iter().filter(|line| line["path"] == "/admin/reload").collect();
    assert!(admin.iter().all(|line| line["caller"] == "admin") && admin.len() == 2, "{admin:?}");
}

#[test]
fn a_bad_file_changes_nothing_and_says_why() {
    let upstream = Upstream::echo();
    let good = config(&upstream, KEYS[0]);
    let wharf = launch(&good).start();
    let mut client = Client::connect(wharf.address());
    let wrong = |member: &str, value: Value| {
        let mut config = config(&upstream, KEYS[1]);
        config[member] = value;
        config.to_string()
    };
    let own = json!({"openai": {"base_url": wharf.base()}});
    let cases = [
        (format!("{{\"OPENAI_API_KEY\": \"{}\"", KEYS[1]), "not valid JSON"),
        (wrong("routes", json!({"smart": {"targets": [KEYS[1]]}})), "routes.smart"),
        (wrong(KEYS[1], json!(1)), "unknown member"),
        (wrong("OPENAI_API_KEY", json!({"a": KEYS[1]})), "OPENAI_API_KEY"),
        (wrong("tls", json!({"cert": "none.pem", "key": "none.pem"})), "none.pem"),
        (wrong("providers", own), "own listener"),
    ];
    for (at, (text, why)) in cases.iter().enumerate() {
        write(&wharf, text);
        let response = post(&wharf, ADMIN);
        let body = response.json();
        assert_eq!(
            (response.status, &body["error"]["code"]),
            (422, &json!("misconfigured")),
            "{why}: {body}"
        );
        assert!(body["problems"].to_string().contains(why), "{why}: {body}");
        assert_no_secret("the answer", &response.body, &SECRETS);
        let line = told(&wharf, at + 1);
        assert!(line.contains("the one in force stays") && line.contains(why), "{line}");
        assert_eq!(ask(&mut client, CHAT).status, 200);
    }
    std::fs::remove_file(wharf.folder().join("test.jsonc")).unwrap();
    assert_eq!(reload(&wharf).0, 422);
    assert_eq!(ask(&mut client, CHAT).status, 200);
    assert_eq!(keys(&upstream), [0; 7]);
    write(&wharf, &good.to_string());
    assert_eq!(reload(&wharf).1["status"], "unchanged");
    assert_no_secret("standard error", wharf.stderr(), &SECRETS);
    assert_no_secret("the access log", wharf.stdout(), &SECRETS);
}

#[test]
fn the_callers_of_a_public_address_keep_needing_a_key() {
    let upstream = Upstream::echo();
    let wharf = launch(&config(&upstream, KEYS[0])).args(&["--listen", "0.0.0.0:0"]).without_listen().start();
    let mut next = config(&upstream, KEYS[0]);
    next.as_object_mut().unwrap().remove("PROXY_API_KEY");
    write(&wharf, &next.to_string());
    let (status, body) = reload(&wharf);
    assert!(status == 422 && body["problems"].to_string().contains("refusing to listen"), "{body}");
    assert_eq!(fetch(&wharf.base(), "GET", "/v1/models", &[], b"").status, 401);
}

#[test]
fn a_usual_file_that_is_gone_is_no_empty_configuration() {
    let upstream = Upstream::echo();
    let launch = Wharf::launch(env!("CARGO_BIN_EXE_wharf"));
    let wharf = launch.file("config.jsonc", &config(&upstream, KEYS[0]).to_string()).start();
    std::fs::remove_file(wharf.folder().join("config.jsonc")).unwrap();
    let (status, body) = reload(&wharf);
    assert_eq!((status, &body["problems"]), (422, &json!(["config.jsonc: the file is gone"])));
    // A file that takes precedence counts from when it is there.
    std::fs::write(wharf.folder().join("wharf.jsonc"), config(&upstream, KEYS[1]).to_string()).unwrap();
    assert_eq!(reload(&wharf).1["changes"], json!(["provider openai changed, 1 key"]));
}

#[test]
fn a_hang_up_reloads() {
    let upstream = Upstream::echo();
    let mut wharf = launch(&config(&upstream, KEYS[0])).start();
    write(&wharf, &config(&upstream, KEYS[1]).to_string());
    wharf.signal("HUP");
    // Its watch may have seen the file first: then this one finds no change.
    told(&wharf, 1);
    assert_eq!(ask(&mut Client::connect(wharf.address()), CHAT).status, 200);
    assert_eq!(keys(&upstream), [1]);
    wharf.signal("HUP");
    wharf.wait_for_stderr("the second", |text| text.contains("(SIGHUP): no change"));
    assert!(wharf.is_running());
}

#[test]
fn a_file_that_is_written_or_replaced_is_seen() {
    let upstream = Upstream::echo();
    let wharf = launch(&config(&upstream, KEYS[0])).start();
    let mut client = Client::connect(wharf.address());
    let texts = [1, 0].map(|key| config(&upstream, KEYS[key]).to_string());
    write(&wharf, &texts[0]);
    assert!(told(&wharf, 1).contains("(the file changed): provider openai changed"));
    assert_eq!(ask(&mut client, CHAT).status, 200);
    // As editors do it.
    std::fs::write(wharf.folder().join("test.jsonc~"), &texts[1]).unwrap();
    std::fs::rename(wharf.folder().join("test.jsonc~"), wharf.folder().join("test.jsonc")).unwrap();
    assert!(told(&wharf, 2).contains("(the file changed): provider openai changed"));
    assert_eq!(ask(&mut client, CHAT).status, 200);
    assert_eq!(keys(&upstream), [1, 0]);
}

/// Kubernetes puts another folder behind a link: the file's own name and folder stay what they are.
#[test]
fn a_link_that_leads_elsewhere_is_seen() {
    let upstream = Upstream::echo();
    let folder = Folder::new();
    let link = |to: &str, name: &str| {
        std::os::unix::fs::symlink(to, folder.path().join("new")).unwrap();
        std::fs::rename(folder.path().join("new"), folder.path().join(name)).unwrap();
    };
    for (name, key) in ["one", "two"].iter().zip(KEYS) {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        folder.write(&format!("{name}/wharf.jsonc"), &config(&upstream, key).to_string());
    }
    link("one", "..data");
    link("..data/wharf.jsonc", "wharf.jsonc");
    let path = folder.path().join("wharf.jsonc");
    let launch = Wharf::launch(env!("CARGO_BIN_EXE_wharf"));
    let wharf = launch.args(&["--config", path.to_str().unwrap()]).start();
    link("two", "..data");
    assert!(told(&wharf, 1).contains("(the file changed): provider openai changed"));
    assert_eq!(ask(&mut Client::connect(wharf.address()), CHAT).status, 200);
    assert_eq!(keys(&upstream), [1]);
}

#[test]
fn a_request_that_runs_keeps_the_table_it_began_with() {
    let (open, gate) = mpsc::channel::<()>();
    let slow = Upstream::start(move |_| {
        gate.recv().unwrap();
        Reply::new(503, "")
    });
    let (second, third) = (Upstream::echo(), Upstream::echo());
    let config = |targets: &[&str]| {
        json!({
            "PROXY_API_KEY": CALLER, "ADMIN_API_KEY": ADMIN,
            "providers": {
                "slow": {"format": "openai_chat", "base_url": slow.url("/v1")},
                "second": {"format": "openai_chat", "base_url": second.url("/v1")},
                "third": {"format": "openai_chat", "base_url": third.url("/v1")},
            },
            "routes": {"smart": {"targets": targets}},
        })
    };
    let smart = br#"{"model":"smart","messages":[]}"#;
    let wharf = launch(&config(&["slow/m", "second/m"])).args(&["--workers", "1"]).start();
    let mut early = Client::connect(wharf.address());
    let headers = [("authorization", &*format!("Bearer {CALLER}"))];
    early.send_request("POST", "/v1/chat/completions", &headers, smart);
    slow.wait_for_requests(1);
    write(&wharf, &config(&["third/m"]).to_string());
    assert_eq!(reload(&wharf).1["changes"], json!(["route smart changed"]));
    let late = ask(&mut Client::connect(wharf.address()), smart);
    assert_eq!((late.status, late.header("x-wharf-provider")), (200, Some("third")));
    open.send(()).unwrap();
    let answer = early.read().unwrap();
    assert_eq!((answer.status, answer.header("x-wharf-provider")), (200, Some("second")));
    assert_eq!((second.requests().len(), third.requests().len()), (1, 1));
}

#[test]
fn a_stream_that_runs_goes_on_without_its_provider() {
    let (reply, feed) = Reply::fed(200);
    let upstream = Upstream::queued([reply.header("content-type", "text/event-stream")]);
    let wharf = launch(&config(&upstream, KEYS[0])).start();
    let mut client = Client::connect(wharf.address());
    let headers = [("authorization", &*format!("Bearer {CALLER}"))];
    let body = br#"{"model":"openai/m","stream":true,"messages":[]}"#;
    client.send_request("POST", "/v1/chat/completions", &headers, body);
    feed.chunk("data: {\"choices\":[]}\n\n");
    let mut answer = client.read_head("POST").unwrap();
    let mut next = config(&upstream, KEYS[0]);
    next.as_object_mut().unwrap().remove("OPENAI_API_KEY");
    write(&wharf, &next.to_string());
    assert_eq!(reload(&wharf).1["changes"], json!(["provider openai removed"]));
    feed.chunk("data: [DONE]\n\n");
    feed.finish();
    while client.read_piece(&mut answer).is_some() {}
    assert!(answer.complete && answer.text().ends_with("data: [DONE]\n\n"), "{answer:?}");
}

#[test]
fn what_cannot_change_while_it_runs_is_named() {
    let upstream = Upstream::echo();
    let launch = launch(&config(&upstream, KEYS[0])).without_listen();
    // The command line wins over the file, then as now.
    let wharf = launch.args(&["--state", "memory", "--listen", "127.0.0.1:0"]).start();
    let mut next = config(&upstream, KEYS[0]);
    next["drain_ms"] = json!(1);
    next["state"] = json!("elsewhere.db");
    next["listen"] = json!("127.0.0.1:1");
    next["limits"] = json!({"connections": 7});
    write(&wharf, &next.to_string());
    let (status, body) = reload(&wharf);
    let warnings =
        ["limits.connections", "drain_ms"].map(|name| format!("`{name}` changed: that takes a restart"));
    assert_eq!((status, &body["status"], &body["warnings"]), (200, &json!("unchanged"), &json!(warnings)));
    let said = wharf.wait_for_stderr("the warning", |text| text.contains("`drain_ms` changed"));
    assert!(said.contains("WARN"), "{said}");
}

#[test]
fn what_is_held_against_a_key_stays() {
    let upstream = Upstream::start(|request| match request.header("authorization") {
        Some(value) if value.ends_with(KEYS[0]) => Reply::new(401, "{}"),
        _ => Reply::json(200, &json!({"choices": []})),
    });
    let mut both = config(&upstream, KEYS[0]);
    both["OPENAI_API_KEY"] = json!(KEYS);
    let wharf = launch(&both).args(&["--workers", "2"]).start();
    let flood = |until: &dyn Fn() -> bool| {
        while !until() {
            assert_eq!(ask(&mut Client::connect(wharf.address()), CHAT).status, 200);
        }
    };
    flood(&|| keys(&upstream).contains(&0));
    upstream.forget();
    both["routes"] = json!({"smart": {"targets": ["openai/m"]}});
    both["providers"]["openai"]["timeouts"] = json!({"idle_ms": 9000});
    write(&wharf, &both.to_string());
    assert_eq!(reload(&wharf).1["changes"], json!(["provider openai changed, 2 keys", "route smart added"]));
    flood(&|| keys(&upstream).len() == 40);
    assert_eq!(keys(&upstream), [1; 40]);
}

#[test]
fn strict_rotation_can_come_later() {
    let upstream = Upstream::echo();
    let mut both = config(&upstream, KEYS[0]);
    both["OPENAI_API_KEY"] = json!(KEYS);
    let wharf = launch(&config(&upstream, KEYS[0])).start();
    both["ENABLE_GLOBAL_ROUND_ROBIN"] = json!(true);
    write(&wharf, &both.to_string());
    let (_, body) = reload(&wharf);
    let changes = ["provider openai changed, 2 keys, were 1", "ENABLE_GLOBAL_ROUND_ROBIN changed"];
    assert_eq!((&body["changes"], &body["warnings"]), (&json!(changes), &json!([])));
    for _ in 0..6 {
        assert_eq!(ask(&mut Client::connect(wharf.address()), CHAT).status, 200);
    }
    assert_eq!(keys(&upstream), [0, 1, 0, 1, 0, 1]);
    assert!(wharf.folder().join(".local/state/wharf/wharf.db").is_file(), "in the file, as after a start");
}

#[test]
fn only_an_administrator_reloads() {
    let upstream = Upstream::echo();
    let wharf = launch(&config(&upstream, KEYS[0])).start();
    let base = wharf.base();
    assert_eq!(post(&wharf, CALLER).status, 401);
    assert_eq!(fetch(&base, "POST", "/admin/reload", &[], b"").status, 401);
    assert_eq!(fetch(&base, "POST", &format!("/admin/reload?key={ADMIN}"), &[], b"").status, 401);
    assert_eq!(fetch(&base, "POST", "/admin/none", &[], b"").status, 401);
    let admin = [("x-api-key", ADMIN)];
    assert_eq!(fetch(&base, "POST", "/admin/reload/", &admin, b"").status, 200);
    assert_eq!(fetch(&base, "GET", "/admin/reload", &admin, b"").status, 404);
    assert_eq!(fetch(&base, "POST", "/admin/none", &admin, b"").status, 404);
    // It is no caller.
    assert_eq!(fetch(&base, "GET", "/v1/models", &admin, b"").status, 401);
    let mut without = config(&upstream, KEYS[0]);
    without.as_object_mut().unwrap().remove("ADMIN_API_KEY");
    write(&wharf, &without.to_string());
    assert_eq!(reload(&wharf).1["changes"], json!(["ADMIN_API_KEY changed"]));
    for key in [ADMIN, CALLER] {
        assert_eq!(post(&wharf, key).status, 404);
    }
}

#[test]
fn model_lists_stay_where_their_provider_does() {
    let list = |_: &_| Reply::json(200, &json!({"data": [{"id": "m", "object": "model"}]}));
    let (openai, groq) = (Upstream::start(list), Upstream::start(list));
    let config = |key: &str| {
        let mut config = config(&openai, KEYS[0]);
        config["GROQ_API_KEY"] = json!(key);
        config["providers"]["groq"] = json!({"base_url": groq.base()});
        config
    };
    let wharf = launch(&config(KEYS[0])).args(&["--workers", "1"]).start();
    let models = || {
        let headers = [("authorization", &*format!("Bearer {CALLER}"))];
        let list = fetch(&wharf.base(), "GET", "/v1/models", &headers, b"").json();
        list["data"].as_array().unwrap().iter().filter(|model| model["id"] != "echo/echo").count()
    };
    let before = models();
    write(&wharf, &config(KEYS[1]).to_string());
    assert_eq!(reload(&wharf).1["changes"], json!(["provider groq changed, 1 key"]));
    assert_eq!(models(), before);
    assert_eq!((openai.requests().len(), groq.requests().len()), (1, 2));
}

/// Proof 4: a hundred reloads under load, half of them of bad files, and not one request that fails.
#[test]
fn a_hundred_reloads_under_load_fail_no_request() {
    let upstream = Upstream::echo();
    let wharf = launch(&config(&upstream, KEYS[0])).args(&["--workers", "2"]).start();
    let (over, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    let load = |stream: bool| {
        let mut client = Client::connect(wharf.address());
        let body = json!({"model": "openai/m", "stream": stream, "messages": []}).to_string();
        while !over.load(Ordering::Relaxed) {
            let answer = ask(&mut client, body.as_bytes());
            assert!(answer.status == 200 && answer.complete, "{answer:?}");
            served.fetch_add(1, Ordering::Relaxed);
        }
    };
    upstream.respond(|request| match request.json()["stream"].as_bool() {
        Some(true) => Reply::sse(["data: {\"choices\":[]}\n\n", "data: [DONE]\n\n"]),
        _ => Reply::json(200, &json!({"choices": []})),
    });
    std::thread::scope(|scope| {
        (0..8).for_each(|number| drop(scope.spawn(move || load(number % 2 == 0))));
        let steps = Steps { wharf: &wharf, upstream: &upstream, served: &served };
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| steps.reload_a_hundred_times()));
        over.store(true, Ordering::Relaxed);
        done.unwrap_or_else(|why| std::panic::resume_unwind(why));
    });
    let text = wharf.stderr();
    let count = |what: &str| text.lines().filter(|line| line.contains(what)).count();
    assert_eq!((count("(/admin/reload): provider openai"), count("the one in force stays")), (50, 50));
    for (what, text) in [("standard error", text), ("the access log", wharf.stdout())] {
        assert_no_secret(what, text, &SECRETS);
    }
}

struct Steps<'a> {
    wharf: &'a Wharf,
    upstream: &'a Upstream,
    served: &'a AtomicUsize,
}

impl Steps<'_> {
    fn reload_a_hundred_times(&self) {
        for number in 1..=50 {
            let good = config(self.upstream, KEYS[number % 2]).to_string();
            write(self.wharf, good.split_at(good.len() / 2).0);
            assert_eq!(reload(self.wharf).0, 422);
            self.let_some_pass();
            replace(&self.wharf.folder().join("test.jsonc"), &good);
            assert_eq!(reload(self.wharf).1["status"], "changed");
            self.upstream.forget();
            self.let_some_pass();
        }
    }

    /// Requests that begin under what is in force now, not only before it.
    fn let_some_pass(&self) {
        let enough = self.served.load(Ordering::Relaxed) + 20;
        while self.served.load(Ordering::Relaxed) < enough {
            std::thread::yield_now();
        }
    }
}

fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(&beside, path).unwrap();
}
