//! For tests only: what stands around a gateway while it is tested.
//!
//! [`upstream`] plays the provider, with every fault a network has; [`client`] plays the caller and sees the raw framing;
//! [`process`] runs the built binary, [`workerd`] the built Worker; [`replay`] brings recorded traffic; [`secrets`] looks for
//! credentials where none may be;
//! [`scenario`] puts them together: files that say request, scripted upstream and expectation, the same for every host.
//! [`redis`] is a Redis of the test's own. [`turns`] counts whose turn it was. [`store`] holds the suite that every store of pool state has to pass.
//! [`scorecard`] holds a gateway to what it must make of every fault.
//! A failed expectation panics: that is how a test says no.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a testkit that cannot go on fails the test that called it"
)]

pub mod client;
pub mod process;
pub mod redis;
pub mod replay;
pub mod scenario;
pub mod scorecard;
pub mod secrets;
pub mod store;
pub mod turns;
pub mod upstream;
pub mod workerd;

/// How long anything here waits before it fails the test. Nothing is timed by it: it only ends tests that would hang.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
