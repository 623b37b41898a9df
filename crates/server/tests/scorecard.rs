//! Every fault of `wharf chaos` through the gateway: what the caller must see of it, cell by cell.

use std::fmt::Write as _;
use wharf_testkit::process::Wharf;
use wharf_testkit::scorecard::{Setup, run};

#[test]
fn every_fault_is_answered_as_the_table_says() {
    let wharf = || Wharf::launch(env!("CARGO_BIN_EXE_wharf"));
    let chaos = wharf().args(&["chaos"]).start();
    let setup = Setup::of(&chaos.base());
    let gateway = wharf().config(&setup.config().to_string()).args(&["--access-log", "off"]).start();
    let (count, misses) = run(&gateway.base(), "native", &setup);
    let mut report = String::new();
    for miss in &misses {
        let _ = writeln!(report, "{miss}");
    }
    assert!(misses.is_empty(), "{} of {count} cells are not as they must be:\n{report}", misses.len());
}
