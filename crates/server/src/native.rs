//! The native host: carries out what the core decides, with this worker's sockets, clock and state.

use crate::clock;
use crate::front::Upload;
use crate::reload::Asker;
use crate::state::State;
use crate::upstream::{self, Body, Client};
use bytes::Bytes;
use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;
use wharf_core::host::{Answer, CollectError, Host, Reloaded, TransportError, UpstreamRequest};
use wharf_core::store::{Op, Reply, Shard, StoreError};
use wharf_core::time::Millis;
use wharf_wire::scan::Arrived;

/// One worker's host; clones share everything.
#[derive(Clone)]
pub struct Native(Rc<Inner>);

struct Inner {
    client: Client,
    state: State,
    random: RefCell<Random>,
    reloads: Option<Asker>,
}

impl Native {
    /// A host over a client and a state; `reloads`: whom to ask for another configuration.
    pub fn new(client: Client, state: State, reloads: Option<Asker>) -> Self {
        Self(Rc::new(Inner { client, state, random: RefCell::default(), reloads }))
    }

    /// The same connections over another state.
    #[must_use]
    pub fn over(&self, state: State) -> Self {
        Self::new(self.0.client.clone(), state, self.0.reloads.clone())
    }
}

impl upstream::Upload for Upload {
    async fn chunk(&mut self) -> Result<Option<Bytes>, CollectError> {
        Self::chunk(self).await
    }
}

impl Host for Native {
    const HINTS: bool = false;
    const DECODES: &'static [&'static str] = &[];
    const PARALLEL: usize = 64;
    // The store is a file, or a server next door: asking it once a second is nothing.
    const LOOK: Millis = Millis::seconds(1);
    type Body = Body;
    type Upload = Upload;

    fn now(&self) -> Millis {
        clock::wall()
    }

    fn random(&self) -> u64 {
        self.0.random.borrow_mut().next()
    }

    async fn send(&self, request: UpstreamRequest<Upload>) -> Result<Answer<Body>, TransportError> {
        self.0.client.send(request).await
    }

    async fn read(&self, body: &mut Body) -> Result<Option<Bytes>, TransportError> {
        body.chunk().await
    }

    async fn collect(&self, upload: &mut Upload, limit: usize) -> Result<Arrived, CollectError> {
        upload.collect(limit).await
    }

    async fn receive(&self, upload: &mut Upload) -> Result<Option<Bytes>, CollectError> {
        upload.chunk().await
    }

    fn whole(&self, upload: &mut Upload) -> Option<Bytes> {
        upload.whole()
    }

    async fn sleep(&self, wait: Millis) {
        tokio::time::sleep(Duration::from_millis(wait.0)).await;
    }

    async fn call(&self, shard: &Shard, op: Op) -> Result<Reply, StoreError> {
        self.0.state.call(shard, op).await
    }

    async fn reload(&self) -> Reloaded {
        match &self.0.reloads {
            Some(asker) => asker.ask().await,
            None => Reloaded::Unable,
        }
    }

    fn defer(&self, work: impl Future<Output = ()> + 'static) {
        tokio::task::spawn_local(work);
    }
}

/// Random numbers from the operating system, fetched in blocks: one system call serves a few dozen requests.
struct Random {
    block: [u8; 1024],
    used: usize,
}

impl Default for Random {
    fn default() -> Self {
        Self { block: [0; 1024], used: 1024 }
    }
}

impl Random {
    fn next(&mut self) -> u64 {
        if self.used + 8 > self.block.len() {
            // Without the system's source there are no fair keys and no unique ids; it fails only where it does not exist.
            if getrandom::fill(&mut self.block).is_err() {
                tracing::error!(
                    "the operating system has no random numbers; ids and key choice are not random"
                );
                self.block.fill(clock::micros() as u8);
            }
            self.used = 0;
        }
        let mut word = [0; 8];
        if let Some(bytes) = self.block.get(self.used..self.used + 8) {
            word.copy_from_slice(bytes);
        }
        self.used += 8;
        u64::from_le_bytes(word)
    }
}
