//! A server that calls itself: `OPENAI_BASE_URL` is also what people set to reach us.

use super::Compiled;
use super::problem::{At, Problem};
use crate::host::Origin;
use std::net::{IpAddr, SocketAddr};

/// A problem for each base URL that points at our own listener. For the host, which knows where it listens.
pub fn own_listener_problems(compiled: &Compiled, listen: SocketAddr) -> Vec<Problem> {
    let base = |(index, at): &(usize, At)| {
        let base = compiled.table.entries.get(*index)?.base.as_ref()?;
        Some((base.origin.as_ref().clone(), at.clone()))
    };
    let gateway = (compiled.table.gateway.base.origin.as_ref().clone(), compiled.gateway_at.clone());
    let urls = compiled.bases.iter().filter_map(base).chain(std::iter::once(gateway));
    urls.filter(|(origin, _)| is_listener(origin, listen))
        .map(|(_, at)| {
            let hint = "name the provider's own URL; the address of this server is for its clients";
            at.problem("points at this server's own listener", hint)
        })
        .collect()
}

/// Whether a connection to `origin` ends at `listen`, as far as that shows without resolving names.
fn is_listener(origin: &Origin, listen: SocketAddr) -> bool {
    if origin.port != listen.port() {
        return false;
    }
    let bound = listen.ip();
    let name = origin.host.trim_end_matches('.');
    if name == "localhost" || name.ends_with(".localhost") {
        return bound.is_loopback() || bound.is_unspecified();
    }
    let Ok(target) = name.parse::<IpAddr>() else { return false };
    let target = target.to_canonical();
    // Connecting to the unspecified address reaches the local machine.
    target == bound
        || (bound.is_unspecified() && target.is_loopback())
        || (target.is_unspecified() && bound.is_loopback())
        || (target.is_unspecified() && bound.is_unspecified())
}
