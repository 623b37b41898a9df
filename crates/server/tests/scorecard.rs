//! Every fault of `wharf chaos` through the gateway: what the caller must see of it, cell by cell.

use serde_json::Value;
use std::fmt::Write as _;
use wharf::chaos::fault::{FAULTS, Fault};
use wharf_testkit::client::fetch;
use wharf_testkit::process::Wharf;
use wharf_testkit::scorecard::{NO_CONNECTION, ROWS, Setup, run};

#[test]
fn every_fault_is_answered_as_the_table_says() {
    let wharf = || Wharf::launch(env!("CARGO_BIN_EXE_wharf"));
    let chaos = wharf().args(&["chaos"]).start();
    let setup = Setup::of(&chaos.base());
    let gateway = wharf().config(&setup.config().to_string()).args(&["--access-log", "off"]).start();
    let (count, misses) = run(&gateway.base(), "native", &setup);
    let log = fetch(&chaos.base(), "GET", "/chaos/log", &[], b"").json();
    let reused = |entry: &&Value| entry["fault"] == "stale" && entry["status"] == Value::Null;
    assert!(
        log["log"].as_array().into_iter().flatten().any(|entry| reused(&entry)),
        "none was kept and reused"
    );
    let mut report = String::new();
    for miss in &misses {
        let _ = writeln!(report, "{miss}");
    }
    assert!(misses.is_empty(), "{} of {count} cells are not as they must be:\n{report}", misses.len());
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
