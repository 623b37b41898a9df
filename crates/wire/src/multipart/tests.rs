//! Forms as browsers, SDKs and curl write them.

use super::*;

const FORM: &str = "--XyZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"model\"\r\n\
    Content-Type: audio/wav\r\n\r\nRIFF\r\n--Xy not a boundary\r\n--XyZ\r\n\
    content-disposition: FORM-DATA; NAME=model\r\n\r\nwhisper-1\r\n--XyZ--\r\n";

fn value(form: &str, range: Range<usize>) -> &str {
    &form[range]
}

#[test]
fn the_boundary_is_read_from_the_content_type() {
    let read = |text| boundary(text).map(Cow::into_owned);
    assert_eq!(read("multipart/form-data; boundary=abc").as_deref(), Some("abc"));
    assert_eq!(read("Multipart/Form-Data; charset=utf-8; Boundary=\"a; \\\"b\"").as_deref(), Some("a; \"b"));
    assert_eq!(read("multipart/form-data; x; boundary=abc ; y=z").as_deref(), Some("abc"));
    for wrong in
        ["multipart/form-data", "multipart/form-data; boundary=", "application/json; boundary=a", "a; b=\"c"]
    {
        assert_eq!(read(wrong), None, "{wrong}");
    }
}

#[test]
fn the_model_is_found_by_its_name_only() {
    let Ok(Search::Found { value: range, whole }) = find_model(FORM.as_bytes(), "XyZ") else {
        panic!("it is there")
    };
    assert_eq!((value(FORM, range), whole), ("whisper-1", true));
}

#[test]
fn a_beginning_of_the_body_asks_for_more_until_the_model_is_there() {
    let end_of_value = FORM.rfind("\r\n--XyZ--").unwrap() + "\r\n--XyZ".len();
    for end in 0..FORM.len() {
        let search = find_model(&FORM.as_bytes()[..end], "XyZ").unwrap();
        if end < end_of_value {
            assert_eq!(search, Search::NeedMore, "{end}");
        } else {
            let Search::Found { value: range, .. } = search else { panic!("found at {end}") };
            assert_eq!(value(FORM, range), "whisper-1");
        }
    }
}

#[test]
fn the_new_model_takes_the_place_of_the_old_one_and_nothing_else_changes() {
    let body = Bytes::from_static(FORM.as_bytes());
    let Ok(Search::Found { value, .. }) = find_model(&body, "XyZ") else { panic!("it is there") };
    let spliced = splice(&body, value, "gpt-4o-transcribe").to_bytes();
    assert_eq!(spliced, FORM.replace("whisper-1", "gpt-4o-transcribe"));
}

#[test]
fn two_models_are_refused() {
    let twice = FORM
        .replace("--XyZ--", "--XyZ\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nb\r\n--XyZ--");
    assert_eq!(find_model(twice.as_bytes(), "XyZ"), Err(MultipartError::ModelTwice));
}

#[test]
fn a_form_without_a_model_says_so_when_it_is_whole() {
    let form = "preamble\r\n--b\r\nContent-Disposition: form-data; name=\"model[]\"\r\n\r\n\r\n--b--";
    assert_eq!(find_model(form.as_bytes(), "b"), Ok(Search::Missing));
    assert_eq!(find_model(b"--b--", "b"), Ok(Search::Missing));
    let empty = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n\r\n--b--";
    assert!(matches!(find_model(empty.as_bytes(), "b"), Ok(Search::Found { value, .. }) if value.is_empty()));
}

#[test]
fn what_is_no_form_is_refused() {
    let malformed = |body: &[u8]| matches!(find_model(body, "b"), Err(MultipartError::Malformed(_)));
    assert!(malformed(b"--bx\r\n"));
    assert!(malformed(&vec![b'x'; MAX_HEADERS + 1]));
    assert!(malformed(&[b"--b\r\n".to_vec(), vec![b'x'; MAX_HEADERS]].concat()));
}
