//! Fetching, by a host that answers from a list.

use super::*;
use crate::config::{self, Input, Platform};
use crate::host::{CollectError, TransportError};
use crate::provider::catalog::builtins;
use crate::store::{Op, Reply, Shard, StoreError};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue, StatusCode};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, pending};
use wharf_wire::scan::Arrived;

/// Status, headers, body.
type Played = (u16, &'static [(&'static str, &'static str)], Vec<u8>);

#[derive(Clone, Default)]
struct Fake {
    answers: Rc<RefCell<VecDeque<Played>>>,
    asked: Rc<RefCell<Vec<String>>>,
    now: Rc<Cell<u64>>,
    /// What each answer takes.
    takes: u64,
}

impl Host for Fake {
    const HINTS: bool = false;
    const DECODES: &'static [&'static str] = &[];
    const PARALLEL: usize = 1;
    type Body = VecDeque<Bytes>;
    type Upload = ();

    fn now(&self) -> Millis {
        Millis(self.now.get())
    }

    fn random(&self) -> u64 {
        0
    }

    async fn send(&self, request: UpstreamRequest<()>) -> Result<Answer<Self::Body>, TransportError> {
        assert!(request.origin.public && request.egress == Egress::Direct && request.own.is_empty());
        assert_eq!(request.headers.keys().count(), 0);
        self.asked.borrow_mut().push(format!("{}{}", request.authority, request.path));
        self.now.set(self.now.get() + self.takes);
        let Some((status, named, body)) = self.answers.borrow_mut().pop_front() else {
            return pending().await;
        };
        let mut headers = Headers::new();
        for (name, value) in named {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let body = body.chunks(1 << 20).map(Bytes::copy_from_slice).collect();
        Ok(Answer { status: StatusCode::from_u16(status).unwrap(), headers, body })
    }

    async fn read(&self, body: &mut Self::Body) -> Result<Option<Bytes>, TransportError> {
        Ok(body.pop_front())
    }

    async fn collect(&self, (): &mut (), _: usize) -> Result<Arrived, CollectError> {
        Err(CollectError::Broken)
    }

    async fn receive(&self, (): &mut ()) -> Result<Option<Bytes>, CollectError> {
        Ok(None)
    }

    fn whole(&self, (): &mut ()) -> Option<Bytes> {
        None
    }

    async fn sleep(&self, _: Millis) {}

    async fn call(&self, _: &Shard, _: Op) -> Result<Reply, StoreError> {
        unreachable!("no state is needed to fetch")
    }

    fn defer(&self, _: impl Future<Output = ()> + 'static) {}
}

/// Fetches each of these, one after the other: what was fetched, or the first refusal.
fn fetch(host: &Fake, urls: &[&str]) -> Result<Fetched, String> {
    let file = Some(("test", r#"{"fetch_images": true}"#));
    let input = Input {
        file,
        env: &[],
        unreadable: &[],
        open: true,
        platform: Platform::Native,
        builtins: builtins(),
    };
    let table = Rc::new(config::compile(&input).ok().unwrap().table);
    let core = Core::new(std::sync::Arc::new(Rc::into_inner(table).unwrap()), host.clone());
    let mut fetched = Fetched::default();
    for url in urls {
        let entry = &core.table.entries[0];
        let got = core.fetch((*url).to_owned(), entry, &mut fetched).now_or_never().unwrap();
        got.map_err(|error| error.message)?;
    }
    Ok(fetched)
}

fn playing(answers: impl IntoIterator<Item = Played>) -> Fake {
    Fake { answers: Rc::new(RefCell::new(answers.into_iter().collect())), ..Fake::default() }
}

const PNG: &[(&str, &str)] = &[("content-type", "image/png; charset=x")];

#[test]
fn a_file_is_fetched_through_its_redirects() {
    let to = |location| -> Played { (302, location, Vec::new()) };
    let host = playing([
        to(&[("location", "/b?to=http://c.example/")]),
        to(&[("location", "//d.example/e")]),
        (200, PNG, b"abc".to_vec()),
    ]);
    let fetched = fetch(&host, &["https://a.example/x"]).ok().unwrap();
    let (url, media_type, base64) = &fetched.media[0];
    assert_eq!(
        (url.as_str(), media_type.as_deref(), base64.as_str()),
        ("https://a.example/x", Some("image/png"), "YWJj")
    );
    assert_eq!(*host.asked.borrow(), ["a.example/x", "a.example/b?to=http://c.example/", "d.example/e"]);
}

#[test]
fn a_redirect_off_https_or_without_end_is_refused() {
    for location in [&[("location", "http://a.example/")], &[("location", "file:///etc/passwd")]] {
        let host = playing([(307, &location[..], Vec::new())]);
        assert!(fetch(&host, &["https://a.example/"]).err().unwrap().contains("only https"));
    }
    let host = playing((0..9).map(|_| (301, &[("location", "/again")][..], Vec::new())));
    assert!(fetch(&host, &["https://a.example/"]).err().unwrap().contains("too often"));
    assert_eq!(host.asked.borrow().len(), 6);
}

#[test]
fn sizes_times_and_numbers_have_limits_for_a_file_and_for_all() {
    let big = |mib: usize| (200, PNG, vec![0; mib << 20]);
    let urls: Vec<String> = (0..30).map(|at| format!("https://a.example/{at}")).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let refusal = |host: &Fake| fetch(host, &urls).err().unwrap();
    assert!(refusal(&playing([big(21)])).contains("over 20 MiB"));
    let host = playing([big(20), big(20), big(20), big(5)]);
    assert!(refusal(&host).contains("`https://a.example/3` can't be fetched: it is over"));
    let host = playing((0..30).map(|_| big(0)));
    assert!(refusal(&host).contains("`https://a.example/20` can't be fetched: too many files"));
    assert!(refusal(&playing([])).contains("longer than 10 s"));
    let host = Fake { takes: 9_000, ..playing((0..30).map(|_| big(0))) };
    assert!(refusal(&host).contains("`https://a.example/4` can't be fetched: it took"));
}

#[test]
fn what_is_coded_or_not_there_is_refused() {
    let host = playing([(200, &[("content-encoding", "gzip")][..], b"x".to_vec())]);
    assert!(fetch(&host, &["https://a.example/"]).err().unwrap().contains("content coding"));
    for status in [204 + 100, 404, 500] {
        let host = playing([(status, PNG, b"x".to_vec())]);
        assert!(fetch(&host, &["https://a.example/?token=1"]).err().unwrap().ends_with("didn't give it"));
    }
}

#[test]
fn bytes_say_what_they_are_where_their_server_does_not() {
    let octets: &[_] = &[("content-type", "application/octet-stream")];
    for (bytes, media_type) in [
        (&b"\x89PNG\r\n"[..], Some("image/png")),
        (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
        (b"GIF89a", Some("image/gif")),
        (b"RIFF\0\0\0\0WEBPVP8", Some("image/webp")),
        (b"%PDF-1.7", Some("application/pdf")),
        (b"\0\0", None),
    ] {
        let host = playing([(200, octets, bytes.to_vec())]);
        let fetched = fetch(&host, &["https://a.example/"]).ok().unwrap();
        assert_eq!(fetched.media[0].1.as_deref(), media_type);
    }
}

#[test]
fn a_page_is_no_picture() {
    let html: &[_] = &[("content-type", "text/html")];
    let host = playing([(200, html, b"<html>".to_vec())]);
    let twice = fetch(&host, &["https://a.example/", "https://a.example/"]);
    assert!(twice.err().unwrap().contains("it holds text/html, not what it is sent as"));
    assert!(!fits(MediaKind::Image, Some("text/html")) && fits(MediaKind::Image, Some("image/png")));
    assert!(fits(MediaKind::File, Some("application/pdf")) && fits(MediaKind::Image, None));
}
