use super::*;
use std::cell::RefCell;
use wharf_core::store::Outcome;
use wharf_core::time::Millis;
use wharf_testkit::store;

/// A step, waited for.
fn call(state: &State, shard: &Shard, op: &Op) -> Reply {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(state.call(shard, op.clone())).unwrap()
}

fn place(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("wharf-state-{}-{name}", std::process::id()));
    std::fs::remove_dir_all(&folder).ok();
    folder.join("wharf.db")
}

#[test]
fn a_file_does_what_the_arithmetic_does_and_remembers_it() {
    let path = place("suite");
    let patience = Duration::from_secs(10);
    let state = State::file(&path, patience).unwrap();
    store::suite("file", |shard, op| call(&state, shard, op));
    let other = State::file(&path, patience).unwrap();
    store::is_remembered("file", |shard, op| call(&other, shard, op));
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
}

#[test]
fn health_that_cannot_be_read_is_forgotten() {
    let path = place("later-version");
    let state = State::file(&path, Duration::from_secs(10)).unwrap();
    let connection = Connection::open(&path).unwrap();
    connection.execute("INSERT INTO health VALUES ('S', '[1]')", []).unwrap();
    assert_eq!(
        call(&state, &Shard("S".into()), &Op::Look { now: Millis(0) }),
        Reply::Health(Default::default())
    );
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
}

#[test]
fn a_cursor_that_is_none_starts_again() {
    let path = place("cursor");
    let state = State::file(&path, Duration::from_secs(10)).unwrap();
    let connection = Connection::open(&path).unwrap();
    connection.execute("INSERT INTO counters VALUES ('S', -1), ('T', 99999999999)", []).unwrap();
    for shard in ["S", "T"] {
        assert_eq!(call(&state, &Shard(shard.into()), &Op::Next { length: 3 }), Reply::Index(0), "{shard}");
    }
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
}

#[test]
fn a_turn_that_nobody_waits_for_any_more_is_not_taken() {
    let path = place("given-up");
    let (sender, steps) = channel();
    let step = |op| {
        let (answer, wait) = oneshot::channel();
        sender.send(Step { shard: Shard("S".into()), op, answer }).unwrap();
        wait
    };
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let connection = open(&path, Duration::from_secs(10)).unwrap();
    drop(step(Op::Next { length: 3 }));
    let key = "000000000001".parse().unwrap();
    drop(step(Op::Report { key, model: None, outcome: Outcome::Refused, now: Millis(1) }));
    let (mut next, mut known) = (step(Op::Next { length: 3 }), step(Op::Look { now: Millis(0) }));
    drop(sender);
    run(connection, &steps);
    assert_eq!(next.try_recv().unwrap(), Ok(Reply::Index(0)));
    let Reply::Health(known) = known.try_recv().unwrap().unwrap() else { panic!("health") };
    assert!(known.contains_key(&key), "what was learnt holds");
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
}

thread_local! {
    /// Another process in the middle of a write, which it ends once somebody waits for it.
    static WRITER: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

fn writer_ends(_: i32) -> bool {
    let writer = WRITER.take();
    writer.is_some_and(|writer| writer.execute_batch("INSERT INTO counters VALUES ('T', 1); COMMIT").is_ok())
}

#[test]
fn a_look_after_the_clock_stepped_back_waits_for_who_writes_and_is_kept() {
    let path = place("stepped-back");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut connection = open(&path, Duration::from_secs(10)).unwrap();
    let writer = open(&path, Duration::from_secs(10)).unwrap();
    let step = |connection: &mut Connection, op| {
        let step = Step { shard: Shard("S".into()), op, answer: oneshot::channel().0 };
        apply(connection, &[step]).map(|mut replies| replies.remove(0))
    };
    let key = "000000000001".parse().unwrap();
    let later = Millis(31_536_000_000);
    step(&mut connection, Op::Report { key, model: None, outcome: Outcome::Refused, now: later }).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    step(&mut connection, Op::Look { now: later }).expect("whoever only looks waits for nobody");
    connection.busy_handler(Some(writer_ends)).unwrap();
    WRITER.set(Some(writer));
    for now in [1, 2] {
        let reply = step(&mut connection, Op::Look { now: Millis(now) }).unwrap();
        let Reply::Health(known) = reply else { panic!("health") };
        assert_eq!(known[&key].until, Millis(1) + wharf_core::store::LONGEST, "from the first look on");
    }
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
}
