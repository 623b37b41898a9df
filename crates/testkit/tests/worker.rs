//! Every scenario file against the built Worker in workerd, as `crates/server/tests/scenarios.rs` does it natively.
//!
//! It needs `npm ci` and `npm run build` in `crates/worker`; where these were not run it passes and says so.
//! `WHARF_WORKER=1 cargo test -p wharf-testkit --test worker` fails instead.

use wharf_testkit::scenario::run_worker;

#[test]
fn every_scenario_goes_as_its_file_says() {
    run_worker(concat!(env!("CARGO_MANIFEST_DIR"), "/../worker"));
}
