//! One isolate: its configuration, and the exchanges that are under way. Every call from JavaScript comes in here, and
//! polls what its event has woken.

use crate::answer;
use crate::command::Tag;
use crate::flow;
use crate::host::{Upload, Worker, read_lines};
use crate::object;
use crate::ops::{Event, Platform, Shared, Work};
use crate::settle::Settle;
use crate::setup::{self, Setup};
use bytes::Bytes;
use http::Method;
use http::header::CONTENT_LENGTH;
use std::collections::HashMap;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use wharf_core::exchange::{Core, Incoming};
use wharf_core::headers::text;
use wharf_core::table::Place;

/// One isolate.
pub struct Edge {
    shared: Rc<Shared>,
    setup: Setup,
    input: Vec<u8>,
    exchanges: HashMap<u32, Exchange>,
    swept: u64,
}

/// What goes on for one request: the way to its answer, and work behind it.
#[derive(Default)]
struct Exchange {
    main: Option<Work>,
    behind: Vec<Work>,
    told: bool,
    /// When something last happened, in milliseconds.
    touched: u64,
}

/// How often forgotten exchanges are looked for, in milliseconds.
const SWEEP: u64 = 60_000;

impl Edge {
    /// An isolate without a configuration.
    pub fn new(platform: Box<dyn Platform>) -> Self {
        Self {
            shared: Shared::new(platform),
            setup: Setup::None,
            input: Vec::new(),
            exchanges: HashMap::new(),
            swept: 0,
        }
    }

    /// Forgets the last call's commands.
    pub fn clear(&mut self) {
        self.shared.commands.borrow_mut().clear();
    }

    /// Where this call's commands are.
    pub fn words(&mut self) -> *const u32 {
        self.shared.commands.borrow_mut().finished()
    }

    /// This call's commands.
    pub fn commands(&self) -> Vec<u32> {
        self.shared.commands.borrow().list().to_vec()
    }

    /// Room for `length` bytes of input.
    pub fn room(&mut self, length: usize) -> &mut [u8] {
        self.input.clear();
        self.input.resize(length, 0);
        &mut self.input
    }

    /// So many of them are input.
    pub fn filled(&mut self, length: usize) {
        self.input.truncate(length);
    }

    fn take_input(&mut self) -> Bytes {
        std::mem::take(&mut self.input).into()
    }

    /// The configuration has come.
    pub fn configure(&mut self) {
        let input = self.take_input();
        self.setup = setup::configure(&input, &self.shared);
    }

    /// A request has come: method, URL, country, data centre, then its headers.
    pub fn begin(&mut self, id: u32, has_body: bool) {
        self.sweep();
        let head = self.take_input();
        let mut settle = Settle::new(self.shared.clone());
        let Some(incoming) = incoming(&head, has_body) else {
            settle.record.status = 400;
            return setup::unreadable(&self.shared, settle);
        };
        let core = match &self.setup {
            Setup::Ready(core) => core.clone(),
            Setup::Broken(broken) => return broken.answer(&self.shared, &incoming, settle),
            Setup::None => return setup::unreadable(&self.shared, settle),
        };
        let shared = self.shared.clone();
        let main = Box::pin(answer(core, shared, id, incoming, settle));
        self.exchanges.insert(id, Exchange { main: Some(main), ..Exchange::default() });
        self.run(id);
    }

    /// What was asked for has come about.
    pub fn event(&mut self, id: u32, op: u32, kind: u32) {
        let bytes = self.take_input();
        self.shared.complete(op, Event { kind, bytes });
        self.run(id);
    }

    /// A piece of an answer that is relayed.
    pub fn piece(&mut self, id: u32) {
        let piece = self.take_input();
        let mut flows = self.shared.flows.borrow_mut();
        if let Some(flow) = flows.get_mut(&id) {
            flow.piece(piece, &mut self.shared.commands.borrow_mut());
        }
    }

    /// The end of an answer that is relayed.
    pub fn ended(&mut self, id: u32, how: u32) {
        let mut flows = self.shared.flows.borrow_mut();
        if let Some(flow) = flows.get_mut(&id) {
            flow.ended(flow::end(how), &mut self.shared.commands.borrow_mut());
        }
    }

    /// An answer that is relayed has been silent for as long as it said, or its time is over.
    pub fn quiet(&mut self, id: u32) {
        let mut flows = self.shared.flows.borrow_mut();
        if let Some(flow) = flows.get_mut(&id) {
            flow.quiet(&mut self.shared.commands.borrow_mut());
        }
    }

    /// Nothing goes to the client any more.
    pub fn left(&mut self, id: u32, sent: u64) {
        let flow = self.shared.flows.borrow_mut().remove(&id);
        if let Some(flow) = flow {
            flow.left(sent);
        }
        let main = self.exchanges.get_mut(&id).and_then(|exchange| exchange.main.take());
        // Its parts cancel what they wait for.
        drop(main);
        self.run(id);
    }

    /// A step on a Durable Object's state.
    pub fn step(&mut self) {
        let input = self.take_input();
        let mut commands = self.shared.commands.borrow_mut();
        commands.put(Tag::Stepped, &[]);
        commands.bytes(object::step(&input).unwrap_or_default().into());
    }

    /// A platform that stops a request may never tell us: what has been silent for longer than any time limit is over.
    fn sweep(&mut self) {
        let now = self.shared.platform.now();
        if now.saturating_sub(self.swept) < SWEEP {
            return;
        }
        self.swept = now;
        let limit = self.shared.longest.get() + SWEEP;
        let forgotten = |touched: u64| now.saturating_sub(touched) > limit;
        self.exchanges.retain(|_, exchange| !forgotten(exchange.touched));
        self.shared.flows.borrow_mut().retain(|_, flow| !forgotten(flow.touched()));
    }

    /// Polls an exchange until nothing in it can go on.
    fn run(&mut self, id: u32) {
        let Some(mut exchange) = self.exchanges.remove(&id) else { return };
        exchange.touched = self.shared.platform.now();
        // What is inside keeps its own wakers, and is polled from here on every event.
        let mut cx = Context::from_waker(Waker::noop());
        let is_pending = |work: &mut Work, cx: &mut Context<'_>| work.as_mut().poll(cx) == Poll::Pending;
        if let Some(mut main) = exchange.main.take()
            && is_pending(&mut main, &mut cx)
        {
            exchange.main = Some(main);
        }
        exchange.behind.retain_mut(|work| is_pending(work, &mut cx));
        loop {
            let deferred = std::mem::take(&mut *self.shared.deferred.borrow_mut());
            if deferred.is_empty() {
                break;
            }
            for mut work in deferred {
                if is_pending(&mut work, &mut cx) {
                    exchange.behind.push(work);
                }
            }
        }
        let mut commands = self.shared.commands.borrow_mut();
        if exchange.behind.is_empty() && exchange.told {
            commands.put(Tag::Idle, &[]);
            exchange.told = false;
        } else if !exchange.behind.is_empty() && !exchange.told {
            commands.put(Tag::Deferred, &[]);
            exchange.told = true;
        }
        drop(commands);
        if exchange.main.is_some() || !exchange.behind.is_empty() {
            self.exchanges.insert(id, exchange);
        }
    }

    /// Exchanges under way, answers that are relayed, and ops that have not come back: all zero when all is quiet.
    pub fn under_way(&self) -> (usize, usize, usize) {
        (self.exchanges.len(), self.shared.flows.borrow().len(), self.shared.under_way())
    }
}

async fn answer(
    core: Rc<Core<Worker>>,
    shared: Rc<Shared>,
    id: u32,
    incoming: Incoming<Upload>,
    mut settle: Settle,
) {
    let head = incoming.method == Method::HEAD;
    let outgoing = core.serve(incoming, &mut settle.record).await;
    answer::respond(&shared, id, outgoing, settle, head);
}

fn incoming(head: &[u8], has_body: bool) -> Option<Incoming<Upload>> {
    let mut lines = head.split(|byte| *byte == b'\n');
    let method = Method::from_bytes(lines.next()?).ok()?;
    let url = std::str::from_utf8(lines.next()?).ok()?;
    let (_, rest) = url.split_once("://")?;
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(at);
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    let mut place = || {
        let line = std::str::from_utf8(lines.next()?).ok()?;
        Some((!line.is_empty()).then(|| line.to_owned()))
    };
    let place = Place { loc: place()?, colo: place()? };
    let headers = read_lines(lines);
    let length = text(&headers, CONTENT_LENGTH).and_then(|length| length.trim().parse().ok());
    Some(Incoming {
        method,
        target,
        authority: Some(authority.to_owned()),
        headers,
        body: has_body.then_some(Upload),
        length,
        place: (place != Place::default()).then_some(place),
        ready: true,
    })
}
