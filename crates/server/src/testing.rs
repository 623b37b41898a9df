//! What the tests of this crate share.

use std::future::Future;

/// Runs `work` as a worker would: on one thread, with tasks that need not be `Send`.
pub(crate) fn local<T>(work: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build_local(tokio::runtime::LocalOptions::default()).unwrap().block_on(work)
}
