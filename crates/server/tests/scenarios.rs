//! Every scenario file of the testkit against the built binary: what a client, an upstream and a log reader see.

use wharf_testkit::scenario::run_native;

#[test]
fn every_scenario_goes_as_its_file_says() {
    run_native(env!("CARGO_BIN_EXE_wharf"));
}
