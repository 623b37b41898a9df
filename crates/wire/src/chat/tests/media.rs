//! What a medium is, told by what was said, by its bytes, or by its name.

use crate::chat::{Media, MediaKind, Source, data_url, split_data_url};
use std::borrow::Cow;

#[test]
fn a_data_url_comes_apart_and_together() {
    assert_eq!(split_data_url("data:image/png;base64,AAAA"), Some(("image/png", "AAAA")));
    assert_eq!(split_data_url("data:text/plain;charset=utf-8;base64,AAAA"), Some(("text/plain", "AAAA")));
    assert_eq!(split_data_url("data:;base64,AAAA"), Some(("", "AAAA")));
    for no in ["https://x/y.png", "data:text/plain,hello", "data:image/png;base64", "data"] {
        assert_eq!(split_data_url(no), None, "{no}");
    }
    assert_eq!(data_url("image/png", "AAAA").concat(), "data:image/png;base64,AAAA");
    let url = "data:image/png;base64,AAAA";
    for url in [Cow::Borrowed(url), Cow::Owned(url.to_owned())] {
        let media = Media::from_url(MediaKind::Image, url);
        assert_eq!(media.source, Source::Base64("AAAA".into()));
        assert_eq!(media.media_type(), "image/png");
    }
}

#[test]
fn the_type_is_told_by_the_first_bytes() {
    for (data, told) in [
        ("iVBORw0KGgoAAAANSUhEUg==", "image/png"),
        ("/9j/4AAQSkZJRg==", "image/jpeg"),
        ("R0lGODlhAQABAA==", "image/gif"),
        // "RIFF....WEBP" and "RIFF....WAVE".
        ("UklGRhAAAABXRUJQVlA4IA==", "image/webp"),
        ("UklGRhAAAABXQVZFZm10IA==", "audio/wav"),
        ("UklGRv////9XQVZFZm10IBAAAAAB", "audio/wav"),
        ("JVBERi0xLjQK", "application/pdf"),
        ("SUQzBAAAAAAA", "audio/mpeg"),
        ("T2dnUwACAAAA", "audio/ogg"),
        ("ZkxhQwAAACIS", "audio/flac"),
    ] {
        let media = Media::new(MediaKind::File, Source::Base64(data.into()));
        assert_eq!(media.media_type(), told, "{data}");
    }
}

#[test]
fn else_by_the_name_and_else_by_the_kind() {
    let url = |url: &'static str| Media::new(MediaKind::Image, Source::Url(url.into()));
    assert_eq!(url("https://example.com/a/B.JPG?x=1.png#y").media_type(), "image/jpeg");
    assert_eq!(url("https://example.com/a.b/c").media_type(), "image/png");
    let named =
        Media { name: Some("report.csv".into()), ..Media::new(MediaKind::File, Source::Id("f".into())) };
    assert_eq!(named.media_type(), "text/csv");
    let text = Media::new(MediaKind::File, Source::Text("hello".into()));
    assert_eq!(text.media_type(), "text/plain");
    let said = Media { media_type: Some("image/avif".into()), ..url("https://example.com/a.png") };
    assert_eq!(said.media_type(), "image/avif");
    assert_eq!(said.url(), Some("https://example.com/a.png"));
}
