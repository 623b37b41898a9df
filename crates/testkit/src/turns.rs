//! Whose turn it was: many calls at once over the keys of a pool, and how many of them each key had.

use crate::client::Client;
use crate::process::Wharf;
use crate::upstream::{Recorded, Upstream};
use std::sync::Barrier;

/// `each` requests on each of `clients` connections, all at once, spread over the gateways.
///
/// # Panics
/// If `ask` does.
pub fn flood(gateways: &[&Wharf], clients: usize, each: usize, ask: impl Fn(&mut Client) + Sync) {
    let barrier = Barrier::new(clients);
    std::thread::scope(|scope| {
        for number in 0..clients {
            let (address, barrier, ask) = (gateways[number % gateways.len()].address(), &barrier, &ask);
            scope.spawn(move || {
                let mut client = Client::connect(address);
                barrier.wait();
                for _ in 0..each {
                    ask(&mut client);
                }
            });
        }
    });
}

/// The place of the key that a request carried as its bearer token.
///
/// # Panics
/// It carried none of them.
pub fn key_of(request: &Recorded, keys: &[&str]) -> usize {
    let value = request.header("authorization").unwrap_or_default();
    let at = keys.iter().position(|key| value.strip_prefix("Bearer ") == Some(*key));
    at.unwrap_or_else(|| panic!("none of our keys: {value}"))
}

/// How many requests carried each key.
///
/// # Panics
/// One carried none of them.
pub fn counts<const N: usize>(upstream: &Upstream, keys: &[&str; N]) -> [usize; N] {
    let mut counts = [0; N];
    for request in upstream.requests() {
        counts[key_of(&request, keys)] += 1;
    }
    counts
}
