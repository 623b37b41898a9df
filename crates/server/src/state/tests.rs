use super::*;
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
    assert_eq!(call(&state, &Shard("S".into()), &Op::Look), Reply::Health(Default::default()));
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
}
