//! Names to addresses, remembered for half a minute per worker.
//!
//! The system's resolver blocks a thread of tokio's pool: a busy gateway must not go there for each new connection, and
//! requests that need the same name at the same time share one lookup.

use crate::clock;
use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use tokio::net::lookup_host;
use tokio::sync::OnceCell;
use wharf_core::host::TransportError;

/// How long an answer is used.
const KEEP_MS: u64 = 30_000;

/// Above this many names, the expired ones are thrown out first.
const MANY: usize = 256;

/// One worker's DNS cache.
#[derive(Default)]
pub(super) struct Dns {
    names: RefCell<HashMap<String, Entry>>,
}

/// A lookup that is under way or done; a failed one is shared by those that waited, and then forgotten.
type Lookup = Rc<OnceCell<Option<Rc<[IpAddr]>>>>;

struct Entry {
    lookup: Lookup,
    since_ms: u64,
}

impl Dns {
    /// All addresses of `host`, in the resolver's order; never an empty list.
    pub(super) async fn resolve(&self, host: &str) -> Result<Rc<[IpAddr]>, TransportError> {
        if let Ok(literal) = host.parse::<IpAddr>() {
            return Ok(Rc::from([literal]));
        }
        let lookup = self.lookup(host);
        let found = lookup.get_or_init(|| ask(host)).await.clone();
        found.ok_or_else(|| {
            self.forget_lookup(host, &lookup);
            TransportError::Dns
        })
    }

    /// Nothing answered at these addresses: ask anew next time.
    pub(super) fn forget(&self, host: &str) {
        self.names.borrow_mut().remove(host);
    }

    fn forget_lookup(&self, host: &str, failed: &Lookup) {
        let mut names = self.names.borrow_mut();
        // Somebody may have started another one meanwhile.
        if names.get(host).is_some_and(|entry| Rc::ptr_eq(&entry.lookup, failed)) {
            names.remove(host);
        }
    }

    fn lookup(&self, host: &str) -> Lookup {
        let now = clock::millis();
        let is_new = |entry: &Entry| now.saturating_sub(entry.since_ms) < KEEP_MS;
        let mut names = self.names.borrow_mut();
        if let Some(entry) = names.get(host)
            && is_new(entry)
        {
            return Rc::clone(&entry.lookup);
        }
        if names.len() >= MANY {
            names.retain(|_, entry| is_new(entry));
        }
        let lookup = Lookup::default();
        names.insert(host.to_owned(), Entry { lookup: Rc::clone(&lookup), since_ms: now });
        lookup
    }

    /// Puts an answer in without asking anybody.
    #[cfg(test)]
    pub(super) fn preset(&self, host: &str, addresses: &[IpAddr]) {
        let lookup = Rc::new(OnceCell::new_with(Some(Some(Rc::from(addresses)))));
        self.names.borrow_mut().insert(host.to_owned(), Entry { lookup, since_ms: clock::millis() });
    }
}

async fn ask(host: &str) -> Option<Rc<[IpAddr]>> {
    // The port has no influence on the answer.
    let found: Vec<IpAddr> = lookup_host((host, 0)).await.ok()?.map(|address| address.ip()).collect();
    (!found.is_empty()).then(|| found.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::local;
    use std::net::Ipv4Addr;

    #[test]
    fn literals_need_no_lookup_and_names_are_remembered_until_forgotten() {
        local(remembering());
    }

    async fn remembering() {
        let dns = Dns::default();
        assert_eq!(dns.resolve("127.0.0.1").await.unwrap()[0], IpAddr::from(Ipv4Addr::LOCALHOST));
        assert!(dns.resolve("::1").await.unwrap()[0].is_ipv6());
        assert!(dns.names.borrow().is_empty());

        let address = IpAddr::from([192, 0, 2, 7]);
        dns.preset("remembered.invalid", &[address]);
        assert_eq!(*dns.resolve("remembered.invalid").await.unwrap(), [address]);
        dns.forget("remembered.invalid");
        assert_eq!(dns.resolve("remembered.invalid").await, Err(TransportError::Dns));
        assert!(dns.names.borrow().is_empty(), "a failure is not remembered");
    }
}
