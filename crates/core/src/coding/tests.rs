use super::*;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use proptest::prelude::*;
use std::io::Write;

const EVENT: &[u8] = b"data: {\"n\":1}\n\n";

// Made with Python's `brotli` and `zstandard`: EVENT, a flush, three EVENTs, a flush, the end.
const BR_A: &[u8] = &[11, 7, 128, 100, 97, 116, 97, 58, 32, 123, 34, 110, 34, 58, 49, 125, 10, 10];
const BR_B: &[u8] = &[96, 1, 0, 64, 2, 32, 140, 9, 225, 12];
const BR_END: &[u8] = &[3];
const BR_ZEROS: &[u8] = &[91, 159, 134, 129, 127, 2, 32, 30, 11, 4, 178, 252, 2, 0];
const ZSTD: &[u8] = &[
    40, 181, 47, 253, 4, 88, 120, 0, 0, 100, 97, 116, 97, 58, 32, 123, 34, 110, 34, 58, 49, 125, 10, 10, 52,
    0, 0, 0, 1, 0, 138, 57, 129, 1, 0, 0, 113, 189, 92, 69,
];
const ZSTD_ZEROS: &[u8] = &[
    40, 181, 47, 253, 160, 64, 66, 15, 0, 84, 0, 0, 16, 0, 0, 1, 0, 251, 255, 57, 192, 2, 2, 0, 16, 0, 2, 0,
    16, 0, 2, 0, 16, 0, 2, 0, 16, 0, 2, 0, 16, 0, 2, 0, 16, 0, 3, 18, 10, 0,
];

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zstd(data: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(data, ruzstd::encoding::CompressionLevel::Fastest)
}

fn request(body: &[u8], encoding: &str, limit: usize) -> Result<Bytes, Kind> {
    decode_request(&Bytes::copy_from_slice(body), encoding, limit).map_err(|error| error.kind)
}

/// All that a decoder gives for `data`, cut into pieces of `size`.
fn read(encoding: &str, data: &[u8], size: usize) -> (Vec<u8>, Decoder) {
    let mut decoder = Decoder::new(encoding).unwrap();
    let mut got = Vec::new();
    for piece in data.chunks(size) {
        decoder.push(piece, &mut |bytes| got.extend_from_slice(bytes));
    }
    (got, decoder)
}

#[test]
fn request_bodies_come_back_as_they_were() {
    let text = EVENT.repeat(20_000);
    assert_eq!(request(&text, "", text.len()).unwrap(), text);
    assert_eq!(request(&text, "Identity", text.len()).unwrap(), text);
    for name in ["gzip", "x-gzip", " GZIP "] {
        assert_eq!(request(&gzip(&text), name, text.len()).unwrap(), text, "{name}");
    }
    assert_eq!(request(&zstd(&text), "zstd", text.len()).unwrap(), text);
    assert_eq!(request(ZSTD, "zstd", 1000).unwrap(), EVENT.repeat(4));
    assert_eq!(request(&gzip(b""), "gzip", 0).unwrap(), "");
}

#[test]
fn several_members_and_frames_are_one_body() {
    assert_eq!(request(&[gzip(b"one "), gzip(b"two")].concat(), "gzip", 100).unwrap(), "one two");
    // With a skippable frame between.
    let skip = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    assert_eq!(
        request(&[zstd(b"one "), skip.to_vec(), zstd(b"two")].concat(), "zstd", 100).unwrap(),
        "one two"
    );
}

#[test]
fn a_decoded_body_over_the_limit_is_refused_however_small_it_came() {
    assert_eq!(request(b"12345", "identity", 4), Err(Kind::TooLarge));
    assert_eq!(request(&gzip(b"12345"), "gzip", 4), Err(Kind::TooLarge));
    let bomb = gzip(&vec![0; 50 << 20]);
    assert_eq!(request(&bomb, "gzip", 1 << 20), Err(Kind::TooLarge));
    assert_eq!(request(ZSTD_ZEROS, "zstd", 999_999), Err(Kind::TooLarge));
    assert_eq!(request(ZSTD_ZEROS, "zstd", 1_000_000).unwrap().len(), 1_000_000);
}

#[test]
fn only_gzip_and_zstd_are_read_from_clients() {
    for name in ["br", "deflate", "compress", "gzip, gzip", "gzip,identity", "aes128gcm"] {
        let error = decode_request(&Bytes::from_static(b"x"), name, 10).unwrap_err();
        assert_eq!(error.kind, Kind::UnsupportedEncoding, "{name}");
        assert!(error.message.contains("gzip") && error.message.contains("zstd"));
    }
}

#[test]
fn broken_and_cut_bodies_are_the_clients_fault() {
    let whole = gzip(EVENT);
    let mut flipped = whole.clone();
    let last = flipped.len() - 6;
    flipped[last] ^= 1;
    let mut odd = vec![0x1f, 0x8b, 8, 8];
    odd.resize(40 << 10, b'a');
    for (body, name) in [
        (&b"{\"model\":1}"[..], "gzip"),
        (b"", "gzip"),
        (&whole[..whole.len() - 1], "gzip"),
        (&whole[..3], "gzip"),
        (&flipped, "gzip"),
        (&odd, "gzip"),
        (&[&whole[..], b"rest"].concat(), "gzip"),
        (b"{\"model\":1}", "zstd"),
        (b"", "zstd"),
        (&ZSTD[..ZSTD.len() - 1], "zstd"),
        (&[ZSTD, b"rest"].concat(), "zstd"),
    ] {
        assert_eq!(request(body, name, 1 << 20), Err(Kind::InvalidRequest), "{name} {:?}", body.get(..8));
    }
}

#[test]
fn gzip_headers_may_carry_extra_fields_name_comment_and_checksum() {
    let mut builder = flate2::GzBuilder::new()
        .filename("a")
        .comment("b")
        .extra([1, 2, 3])
        .write(Vec::new(), Compression::fast());
    builder.write_all(EVENT).unwrap();
    let data = builder.finish().unwrap();
    for size in [1, 3, data.len()] {
        let (got, decoder) = read("gzip", &data, size);
        assert_eq!(got, EVENT);
        assert!(decoder.complete());
    }
}

#[test]
fn answers_come_out_whole_whatever_the_pieces() {
    let text = EVENT.repeat(3000);
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    zlib.write_all(&text).unwrap();
    for (name, data, wanted) in [
        ("gzip", gzip(&text), text.clone()),
        ("deflate", zlib.finish().unwrap(), text.clone()),
        ("zstd", zstd(&text), text.clone()),
        ("zstd", ZSTD.to_vec(), EVENT.repeat(4)),
        ("zstd", ZSTD_ZEROS.to_vec(), vec![0; 1_000_000]),
        ("br", [BR_A, BR_B, BR_END].concat(), EVENT.repeat(4)),
        ("br", BR_ZEROS.to_vec(), vec![0; 100_000]),
    ] {
        for size in [1, 2, 7, 1000, data.len()] {
            let (got, decoder) = read(name, &data, size);
            assert!(got == wanted, "{name} by {size}: {} of {}", got.len(), wanted.len());
            assert!(decoder.complete() && !decoder.failed(), "{name} by {size}");
        }
    }
}

#[test]
fn an_event_is_seen_as_soon_as_its_bytes_are_there() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let mut decoder = Decoder::new("gzip").unwrap();
    let mut sent = 0;
    for _ in 0..3 {
        encoder.write_all(EVENT).unwrap();
        encoder.flush().unwrap();
        let mut got = Vec::new();
        decoder.push(&encoder.get_ref()[sent..], &mut |bytes| got.extend_from_slice(bytes));
        sent = encoder.get_ref().len();
        assert_eq!(got, EVENT);
        assert!(!decoder.complete());
    }
    let mut decoder = Decoder::new("br").unwrap();
    for (piece, wanted, whole) in [(BR_A, 1, false), (BR_B, 3, false), (BR_END, 0, true)] {
        let mut got = Vec::new();
        decoder.push(piece, &mut |bytes| got.extend_from_slice(bytes));
        assert_eq!(got, EVENT.repeat(wanted));
        assert_eq!(decoder.complete(), whole);
    }
}

#[test]
fn a_decoder_stops_quietly_at_its_limit_and_at_broken_data() {
    for (name, data) in
        [("gzip", gzip(&vec![0; 1 << 20])), ("br", BR_ZEROS.to_vec()), ("zstd", ZSTD_ZEROS.to_vec())]
    {
        let mut decoder = Decoder::with_limit(name, 50_000).unwrap();
        let mut got = 0;
        decoder.push(&data, &mut |bytes| got += bytes.len());
        assert!(got <= 50_000 && decoder.failed() && !decoder.complete(), "{name}: {got}");
    }
    for name in ["gzip", "deflate", "br", "zstd"] {
        let (_, decoder) = read(name, b"\xffnot at all what the header says, for sure", 5);
        assert!(decoder.failed(), "{name}");
    }
}

#[test]
fn only_one_known_coding_makes_a_decoder() {
    for name in ["", "identity", "gzip, br", "compress", "br;q=1"] {
        assert!(Decoder::new(name).is_none(), "{name}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(
        mut data in proptest::collection::vec(any::<u8>(), 0..600),
        start in 0..4usize,
        flips in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..4),
        size in 1..64usize,
    ) {
        // Real data with a few bytes changed goes deeper than noise.
        let text = EVENT.repeat(40);
        let seeds = [Vec::new(), gzip(&text), zstd(&text), [BR_A, BR_B, BR_END].concat()];
        if start > 0 {
            data.clone_from(&seeds[start]);
            for (at, byte) in flips {
                let length = data.len();
                data[at % length] = byte;
            }
        }
        for name in ["gzip", "deflate", "br", "zstd"] {
            let mut decoder = Decoder::with_limit(name, 1 << 20).unwrap();
            for piece in data.chunks(size) {
                decoder.push(piece, &mut |_| ());
            }
        }
    }
}
