//! Content codings: a client's compressed request is read whole, a provider's compressed answer is read beside its
//! verbatim bytes. Every output is bounded, so that a few bytes can't become gigabytes.

#[cfg(feature = "brotli")]
mod brotli;
mod inflate;
mod zstd;

#[cfg(test)]
mod tests;

use crate::error::{Error, Kind};
use crate::headers::{Headers, text};
use bytes::Bytes;
use http::header::CONTENT_ENCODING;

/// What a decoder beside an answer may give in all; a longer answer ends with its usage unknown.
const ANSWER_LIMIT: usize = 64 << 20;

/// Takes decoded bytes and says whether it wants more.
type Sink<'a> = dyn FnMut(&[u8]) -> bool + 'a;

/// Why an engine takes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Halt {
    /// The data is not what its name says.
    Broken,
    /// The sink has had enough.
    Full,
}

/// One coding's decoder; made only for bodies that are encoded, as its tables are big.
enum Engine {
    Inflate(inflate::Inflate),
    #[cfg(feature = "brotli")]
    Brotli(brotli::Brotli),
    Zstd(Box<zstd::Zstd>),
}

impl Engine {
    fn new(coding: Coding) -> Self {
        match coding {
            Coding::Gzip => Self::Inflate(inflate::Inflate::gzip()),
            Coding::Deflate => Self::Inflate(inflate::Inflate::zlib()),
            #[cfg(feature = "brotli")]
            Coding::Brotli => Self::Brotli(brotli::Brotli::new()),
            Coding::Zstd => Self::Zstd(Box::default()),
        }
    }

    fn push(&mut self, input: &[u8], sink: &mut Sink<'_>) -> Result<(), Halt> {
        match self {
            Self::Inflate(engine) => engine.push(input, sink),
            #[cfg(feature = "brotli")]
            Self::Brotli(engine) => engine.push(input, sink),
            Self::Zstd(engine) => engine.push(input, sink),
        }
    }

    /// True when everything so far is whole: the body may end here.
    fn at_end(&self) -> bool {
        match self {
            Self::Inflate(engine) => engine.at_end(),
            #[cfg(feature = "brotli")]
            Self::Brotli(engine) => engine.at_end(),
            Self::Zstd(engine) => engine.at_end(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    #[cfg(feature = "brotli")]
    Brotli,
    Zstd,
}

impl Coding {
    /// The coding of a `Content-Encoding` that names exactly one.
    fn parse(encoding: &str) -> Option<Self> {
        let name = encoding.trim();
        let is = |word: &str| name.eq_ignore_ascii_case(word);
        match () {
            () if is("gzip") || is("x-gzip") => Some(Self::Gzip),
            () if is("deflate") => Some(Self::Deflate),
            #[cfg(feature = "brotli")]
            () if is("br") => Some(Self::Brotli),
            () if is("zstd") => Some(Self::Zstd),
            () => None,
        }
    }
}

/// True for a `Content-Encoding` that changes nothing.
pub fn is_identity(encoding: &str) -> bool {
    let name = encoding.trim();
    name.is_empty() || name.eq_ignore_ascii_case("identity")
}

/// The content coding that a body is still in when it is read, where the host undoes those of `undone`.
pub fn left<'h>(headers: &'h Headers, undone: &[&str]) -> Option<&'h str> {
    let coding = text(headers, CONTENT_ENCODING)?;
    let is_undone = undone.iter().any(|name| coding.trim().eq_ignore_ascii_case(name));
    (!is_identity(coding) && !is_undone).then_some(coding)
}

/// A request body as its `Content-Encoding` says, decoded.
///
/// # Errors
/// `UnsupportedEncoding` for anything but gzip and zstd (two codings on top of each other included), `TooLarge` when
/// the decoded body is over `limit` bytes, `InvalidRequest` when the data is broken or ends early.
pub fn decode_request(body: &Bytes, encoding: &str, limit: usize) -> Result<Bytes, Error> {
    let too_large = || {
        Error::new(
            Kind::TooLarge,
            format!("The request body is over the limit of {limit} bytes once decoded."),
        )
    };
    if is_identity(encoding) {
        return if body.len() > limit { Err(too_large()) } else { Ok(body.clone()) };
    }
    let taken = Coding::parse(encoding).filter(|coding| matches!(coding, Coding::Gzip | Coding::Zstd));
    let Some(coding) = taken else {
        return Err(Error::new(
            Kind::UnsupportedEncoding,
            "This Content-Encoding is not decoded here; send the body as gzip, as zstd, or unencoded.",
        ));
    };
    let mut decoded = Vec::new();
    let mut engine = Engine::new(coding);
    let fed = engine.push(body, &mut |piece| {
        let fits = decoded.len() + piece.len() <= limit;
        if fits {
            decoded.extend_from_slice(piece);
        }
        fits
    });
    match fed {
        Ok(()) if engine.at_end() => Ok(decoded.into()),
        Err(Halt::Full) => Err(too_large()),
        Ok(()) | Err(Halt::Broken) => Err(Error::new(
            Kind::InvalidRequest,
            "The request body is not what its Content-Encoding says, or it ends early.",
        )),
    }
}

/// Reads an encoded answer beside its verbatim copy. Nothing here can fail: what is broken or too long just stops.
///
/// gzip, deflate and br give all that a chunk allows at once. zstd gives what has left its window (8 MiB at most) and
/// the rest when its frame ends: the crate keeps the window to itself.
pub struct Decoder {
    /// `None` once it has stopped.
    engine: Option<Engine>,
    /// Bytes that may still be given.
    room: usize,
    /// It stopped because of broken data or the limit.
    failed: bool,
}

impl Decoder {
    /// A decoder for one coding; `None` for identity, for several at once and for those not known.
    pub fn new(encoding: &str) -> Option<Self> {
        Self::with_limit(encoding, ANSWER_LIMIT)
    }

    /// The same, giving at most `limit` bytes in all.
    pub fn with_limit(encoding: &str, limit: usize) -> Option<Self> {
        let coding = Coding::parse(encoding)?;
        Some(Self { engine: Some(Engine::new(coding)), room: limit, failed: false })
    }

    /// Takes the next encoded bytes and hands on what can be decoded now.
    pub fn push(&mut self, input: &[u8], out: &mut dyn FnMut(&[u8])) {
        let Some(engine) = &mut self.engine else { return };
        let room = &mut self.room;
        let fed = engine.push(input, &mut |piece| {
            let fits = piece.len() <= *room;
            if fits {
                *room -= piece.len();
                out(piece);
            }
            fits
        });
        if fed.is_err() {
            self.engine = None;
            self.failed = true;
        }
    }

    /// True when decoding has stopped early, by broken data or by the limit: what was read is not the whole.
    pub fn failed(&self) -> bool {
        self.failed
    }

    /// True when all that came is whole: nothing is missing if the body ends here.
    pub fn complete(&self) -> bool {
        self.engine.as_ref().is_some_and(Engine::at_end)
    }
}
