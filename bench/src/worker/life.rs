//! What is not CPU per request: how a Worker starts, when its first byte comes, what it keeps in memory, how large it is.

use super::isolate::{Worker, modules};
use super::line::{Answer, LINES, Way};
use super::load::Client;
use crate::mock::Knobs;
use crate::table::median;
use crate::{CALLER_KEY, Result, probe};
use flate2::{Compression, write::GzEncoder};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// Time between the parts of a slow answer.
const PAUSE: Duration = Duration::from_millis(200);

/// Medians over several starts, in milliseconds.
pub(super) struct Start {
    /// From the start of the process to its first complete answer.
    pub(super) process: f64,
    /// The first request, once the process listens.
    pub(super) first: f64,
    /// The second one.
    pub(super) second: f64,
}

/// Bytes of a build.
pub(super) struct Size {
    pub(super) wasm: usize,
    pub(super) wasm_gzip: usize,
    pub(super) script: usize,
    pub(super) script_gzip: usize,
}

/// Starts the Workers in turn, `times` each.
pub(super) fn starts(workers: &[&Worker], client: &Client<'_>, times: usize) -> Result<Vec<Start>> {
    client.configure(&Answer::Json.knobs().query())?;
    let body = client.body("small")?;
    let mut taken = vec![[const { Vec::new() }; 3]; workers.len()];
    // The first round finds nothing in the page cache; it does not count.
    for time in 0..=times {
        for (worker, [process, first, second]) in workers.iter().zip(&mut taken) {
            let mut isolate = worker.start()?;
            while TcpStream::connect(("127.0.0.1", worker.port)).is_err() && !isolate.group.has_ended() {
                std::thread::sleep(Duration::from_millis(1));
            }
            let begin = Instant::now();
            isolate.ready(Way::Verbatim.path(), &body)?;
            let (answered, whole) = (begin.elapsed(), isolate.group.started.elapsed());
            let begin = Instant::now();
            isolate.ready(Way::Verbatim.path(), &body)?;
            if time > 0 {
                first.push(millis(answered));
                process.push(millis(whole));
                second.push(millis(begin.elapsed()));
            }
        }
    }
    let middle = |values: &mut Vec<f64>| median(values).unwrap_or(0.0);
    Ok(taken
        .iter_mut()
        .map(|[process, first, second]| Start {
            process: middle(process),
            first: middle(first),
            second: middle(second),
        })
        .collect())
}

/// Milliseconds to the first byte of an answer's body whose other bytes come 200 ms later: JSON that is passed through (on
/// a model route it is held until it is whole), then a stream.
pub(super) fn first_bytes(workers: &[&Worker], client: &Client<'_>, times: usize) -> Result<Vec<[f64; 2]>> {
    let pause_us = u64::try_from(PAUSE.as_micros())?;
    let json = Knobs { pause_us, ..Knobs::default() };
    let stream = Knobs { interval_us: pause_us, chunks: 2, ..Knobs::default() };
    let mut all = Vec::new();
    for worker in workers {
        let mut isolate = worker.start()?;
        let mut middles = [0.0; 2];
        let kinds = [(json, "small", Way::PassThrough), (stream, "stream", Way::Verbatim)];
        for (middle, (knobs, body, way)) in middles.iter_mut().zip(kinds) {
            let body = client.body(body)?;
            client.configure(&Knobs { pause_us: 0, interval_us: 0, ..knobs }.query())?;
            for _ in 0..20 {
                isolate.ready(way.path(), &body)?;
            }
            client.configure(&knobs.query())?;
            let asked: Result<Vec<f64>> = (0..times).map(|_| first_byte(worker.port, way, &body)).collect();
            *middle = median(&mut asked?).unwrap_or(0.0);
        }
        all.push(middles);
    }
    Ok(all)
}

/// MiB resident after so many small requests, in all.
pub(super) fn memory(worker: &Worker, client: &Client<'_>, steps: &[u64]) -> Result<Vec<f64>> {
    client.configure(&Answer::Json.knobs().query())?;
    let mut isolate = worker.start()?;
    isolate.ready(Way::Verbatim.path(), &client.body("small")?)?;
    let (mut sent, mut resident) = (0, Vec::new());
    let line = LINES.first().ok_or("no line")?;
    for step in steps {
        client.spent(&isolate, worker.name, line, step - sent)?;
        sent = *step;
        resident.push(isolate.group.rss_kib() as f64 / 1024.0);
    }
    Ok(resident)
}

pub(super) fn size(build: &Path) -> Result<Size> {
    let mut size = Size { wasm: 0, wasm_gzip: 0, script: 0, script_gzip: 0 };
    for (name, bytes) in modules(build)? {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&bytes)?;
        let packed = gzip.finish()?.len();
        let (raw, zipped) = if name.ends_with(".wasm") {
            (&mut size.wasm, &mut size.wasm_gzip)
        } else {
            (&mut size.script, &mut size.script_gzip)
        };
        *raw += bytes.len();
        *zipped += packed;
    }
    Ok(size)
}

/// From sending a request to the first byte of the answer's body; reads the answer to its end.
fn first_byte(port: u16, way: Way, body: &[u8]) -> Result<f64> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let begin = Instant::now();
    let closing = ["connection: close".to_owned()];
    stream.write_all(&probe::request(port, way.path(), CALLER_KEY, &closing, body))?;
    let (mut input, mut piece, mut first) = (Vec::new(), [0; 4096], None);
    loop {
        let read = stream.read(&mut piece)?;
        if read == 0 {
            return first.ok_or_else(|| "closed before the first byte".into());
        }
        input.extend_from_slice(&piece[..read]);
        if let Some(head) = memchr::memmem::find(&input, b"\r\n\r\n") {
            // With chunked framing the chunk's size comes together with its data.
            if input.len() > head + 4 && first.is_none() {
                first = Some(millis(begin.elapsed()));
            }
        }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
