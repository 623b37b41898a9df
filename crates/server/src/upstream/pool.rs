//! One worker's kept connections, by where they lead. Idle and busy ones are apart: taking and putting is O(1).

use super::dial::Route;
use super::h2::Links;
use super::stream::Stream;
use crate::clock;
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use wharf_core::host::{HttpVersion, Origin, Proxy};

/// How many places are found by the address of their `Arc` alone.
const RECENT: usize = 64;

/// Above this many places the empty ones are forgotten.
const MANY: usize = 1024;

/// What the pool may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Idle HTTP/1.1 connections per place.
    pub idle: usize,
    /// How long a connection may be idle.
    pub idle_for: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { idle: 1024, idle_for: Duration::from_secs(90) }
    }
}

impl Limits {
    fn idle_ms(&self) -> u64 {
        u64::try_from(self.idle_for.as_millis()).unwrap_or(u64::MAX)
    }
}

/// All places that connections were opened to.
pub(super) struct Pool {
    limits: Limits,
    places: RefCell<HashMap<Key, Rc<Place>>>,
    /// A table that asks for no hash of a host name: requests carry the `Arc`s of the configuration, which stay the
    /// same. The clones in the `Place` keep the addresses from being used again.
    recent: RefCell<[Option<Rc<Place>>; RECENT]>,
}

/// Where connections lead, and the idle ones.
pub(super) struct Place {
    origin: Arc<Origin>,
    proxy: Option<Arc<Proxy>>,
    version: HttpVersion,
    most: usize,
    /// The newest is last, and taken first: the others may then expire.
    idle: RefCell<Vec<Idle>>,
    /// Connections that speak HTTP/2, which are shared.
    pub(super) links: Links,
}

struct Idle {
    stream: Stream,
    /// On this thread's clock.
    since_ms: u64,
}

#[derive(PartialEq, Eq)]
struct Key {
    origin: Arc<Origin>,
    proxy: Option<Arc<Proxy>>,
    version: HttpVersion,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.origin.hash(state);
        // The credential is compared, not hashed: it has no business in a hasher.
        self.proxy.as_ref().map(|proxy| &proxy.origin).hash(state);
        self.version.hash(state);
    }
}

impl Pool {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, places: RefCell::default(), recent: RefCell::new([const { None }; RECENT]) }
    }

    /// The place of this origin, proxy and version.
    pub(super) fn place(
        &self,
        origin: &Arc<Origin>,
        proxy: Option<&Arc<Proxy>>,
        version: HttpVersion,
    ) -> Rc<Place> {
        let mut recent = self.recent.borrow_mut();
        let slot = &mut recent[slot(origin)];
        match slot {
            Some(place) if place.is_same(origin, proxy, version) => Rc::clone(place),
            _ => {
                let place = self.find(origin, proxy, version);
                // The place may hold an equal origin at another address, after a reload: then it is found by hash.
                *slot = Some(Rc::clone(&place));
                place
            }
        }
    }

    fn find(&self, origin: &Arc<Origin>, proxy: Option<&Arc<Proxy>>, version: HttpVersion) -> Rc<Place> {
        let mut places = self.places.borrow_mut();
        let key = Key { origin: Arc::clone(origin), proxy: proxy.cloned(), version };
        if let Some(place) = places.get(&key) {
            return Rc::clone(place);
        }
        let place = Rc::new(Place {
            origin: Arc::clone(origin),
            proxy: proxy.cloned(),
            version,
            most: self.limits.idle,
            idle: RefCell::default(),
            links: Links::default(),
        });
        places.insert(key, Rc::clone(&place));
        place
    }

    /// Closes what expired, and what the other side has closed.
    pub(super) fn sweep(&self) {
        let now = clock::millis();
        let mut places = self.places.borrow_mut();
        for place in places.values() {
            place.sweep(now, self.limits.idle_ms());
        }
        if places.len() > MANY {
            *self.recent.borrow_mut() = [const { None }; RECENT];
            places.retain(|_, place| Rc::strong_count(place) > 1 || !place.is_empty());
        }
    }

    /// Idle connections, all places together.
    pub(super) fn idle(&self) -> usize {
        self.places.borrow().values().map(|place| place.idle.borrow().len()).sum()
    }
}

/// Neighbours in memory go to different slots; the lowest bits of an address are always the same.
fn slot(origin: &Arc<Origin>) -> usize {
    let address = Arc::as_ptr(origin).addr();
    (address >> 4 ^ address >> 12) % RECENT
}

impl Place {
    fn is_same(&self, origin: &Arc<Origin>, proxy: Option<&Arc<Proxy>>, version: HttpVersion) -> bool {
        let same_proxy = match (&self.proxy, proxy) {
            (None, None) => true,
            (Some(mine), Some(theirs)) => Arc::ptr_eq(mine, theirs),
            (None, Some(_)) | (Some(_), None) => false,
        };
        Arc::ptr_eq(&self.origin, origin) && same_proxy && self.version == version
    }

    /// What to dial.
    pub(super) fn route(&self) -> Route<'_> {
        Route { origin: &self.origin, proxy: self.proxy.as_deref(), version: self.version }
    }

    /// The idle connection that was used last, if there is one that the other side has not closed.
    pub(super) fn take(&self) -> Option<Stream> {
        loop {
            let mut idle = self.idle.borrow_mut().pop()?;
            if idle.stream.is_quiet() {
                return Some(idle.stream);
            }
        }
    }

    /// Keeps a connection for the next request.
    pub(super) fn put(&self, stream: Stream) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < self.most {
            idle.push(Idle { stream, since_ms: clock::millis() });
        }
    }

    fn sweep(&self, now: u64, keep_ms: u64) {
        let mut idle = self.idle.borrow_mut();
        idle.retain_mut(|idle| now.saturating_sub(idle.since_ms) < keep_ms && idle.stream.is_quiet());
        // A burst leaves a large table behind.
        if idle.capacity() > 64 && idle.len() < idle.capacity() / 4 {
            idle.shrink_to_fit();
        }
        drop(idle);
        self.links.sweep(now, keep_ms);
    }

    fn is_empty(&self) -> bool {
        self.idle.borrow().is_empty() && self.links.is_empty()
    }
}
