//! Every scenario file against the built Worker in workerd, as `crates/server/tests/scenarios.rs` does it natively.
//!
//! It needs `npm ci` and `npm run build` in `crates/worker`; where these were not run it passes and says so.
//! `WHARF_WORKER=1 cargo test -p wharf-testkit --test worker` fails instead.

use wharf_testkit::scenario::run_worker;

const WORKER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../worker");

#[test]
fn every_scenario_goes_as_its_file_says() {
    run_worker(WORKER, "DE");
}

#[test]
fn and_so_it_does_where_requests_leave_through_a_region() {
    run_worker(WORKER, "HK");
}
