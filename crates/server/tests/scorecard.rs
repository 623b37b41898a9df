//! Every fault of `wharf chaos` through the gateway, natively and as the Worker: what the caller must see of it, cell by
//! cell.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use wharf::chaos::fault::{FAULTS, Fault};
use wharf_testkit::client::fetch;
use wharf_testkit::process::{Launch, Wharf};
use wharf_testkit::scorecard::{
    CALLER, Cell, EXCEPTIONS, Gateway, KEY, Miss, NO_CONNECTION, PAIRS, ROWS, Setup, run,
};
use wharf_testkit::secrets::find_secret;
use wharf_testkit::workerd::{CF_HEADER, Workerd, variables};

const WORKER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../worker");

/// Requests at once: nearly all that takes time is waiting.
const AT_ONCE: usize = 24;

fn wharf() -> Launch {
    Wharf::launch(env!("CARGO_BIN_EXE_wharf"))
}

#[test]
fn every_fault_is_answered_as_the_table_says() {
    let chaos = wharf().args(&["chaos"]).start();
    let setup = Setup::of(&chaos.base());
    let gateway = wharf().config(&setup.config().to_string()).args(&["--access-log", "off"]).start();
    let cells = Cell::all(&setup.pairs);
    let misses = run(Gateway { base: &gateway.base(), host: "native", headers: &[] }, &cells, AT_ONCE);
    let log = fetch(&chaos.base(), "GET", "/chaos/log", &[], b"").json();
    let reused = |entry: &&Value| entry["fault"] == "stale" && entry["status"] == Value::Null;
    assert!(
        log["log"].as_array().into_iter().flatten().any(|entry| reused(&entry)),
        "none was kept and reused"
    );
    none(&misses, cells.len());
}

#[test]
fn every_fault_is_answered_on_the_worker() {
    on_worker("DE", "\"egress\":\"direct\"");
}

#[test]
fn and_on_a_worker_whose_requests_leave_through_a_region() {
    on_worker("HK", "\"egress\":\"wnam\"");
}

/// For requests from this country; the access log says `way`.
fn on_worker(country: &str, way: &str) {
    let Some(mut workerd) = Workerd::launch(Path::new(WORKER), "the faults were") else { return };
    let chaos = wharf().args(&["chaos"]).start();
    let setup = Setup::of(&chaos.base());
    let address = setup.chaos.trim_start_matches("http://");
    let base = workerd.start(&variables(&setup.config()), address).expect("the Worker starts");
    let from = json!({"country": country}).to_string();
    let gateway = Gateway { base: &base, host: "worker", headers: &[(CF_HEADER, &from)] };
    // workerd keeps connections by where they lead, so the healthy targets share them with the broken ones: one that is
    // dead could meet any cell. Those that leave one come last, and one by one.
    let cells = Cell::all(&setup.pairs);
    let (kept, others): (Vec<Cell>, Vec<Cell>) = cells.iter().partition(|cell| cell.kept());
    let mut misses = run(gateway, &others, AT_ONCE);
    misses.extend(run(gateway, &kept, 1));
    none(&misses, cells.len());
    let printed = workerd.stop();
    assert!(printed.contains(way), "no request left so");
    assert_eq!(find_secret(&printed, &[KEY, CALLER]).map(|leak| leak.form), None, "a credential was printed");
}

fn none(misses: &[Miss], of: usize) {
    let mut report = String::new();
    for miss in misses {
        let _ = writeln!(report, "{miss}");
    }
    assert!(misses.is_empty(), "{} of {of} cells are not as they must be:\n{report}", misses.len());
}

#[test]
fn the_table_has_every_fault_and_none_that_there_is_not() {
    for spec in FAULTS {
        // These two only draw another.
        let drawn = matches!(spec.name, "flap" | "chance");
        let has = ROWS.iter().any(|row| row.fault.split(':').next() == Some(spec.name));
        assert!(has || drawn, "{} has no row", spec.name);
    }
    for row in ROWS.iter().filter(|row| !NO_CONNECTION.contains(&row.fault)) {
        assert!(Fault::parse(row.fault).is_ok(), "{}", row.fault);
    }
}

#[test]
fn every_exception_is_one() {
    for exception in EXCEPTIONS {
        let cells = Cell::all(&PAIRS);
        let covered: Vec<&Cell> = cells.iter().filter(|cell| exception.covers(cell)).collect();
        assert!(!covered.is_empty(), "{exception:?} is for no cell");
        for cell in covered {
            assert_ne!(
                cell.expected(exception.host),
                cell.expected("any other"),
                "{cell} needs no exception"
            );
        }
    }
}
