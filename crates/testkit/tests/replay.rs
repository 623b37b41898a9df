//! Recorded traffic, where its folder is there.

use wharf_testkit::client::fetch;
use wharf_testkit::replay::Replay;

#[test]
fn recordings_are_served_as_recorded() {
    let all = Replay::of("openai").exact();
    for streamed in [false, true] {
        for recording in all.clone().endpoint("chat", streamed).recordings.iter().take(5) {
            let upstream = Replay::serve(recording);
            let request = recording.request.as_ref().unwrap();
            let answer = fetch(&upstream.base(), &request.method, request.target(), &[], &request.body());
            assert_eq!(
                (answer.status, &answer.body),
                (recording.response.status, &recording.response.body()),
                "{}",
                recording.name
            );
            assert_eq!(upstream.request().body, request.body());
            assert!(answer.complete);
        }
    }
}

#[test]
fn every_recording_can_be_read() {
    let all = Replay::all();
    if Replay::folder().is_some() {
        assert!(all.recordings.len() > 1000, "{}", all.recordings.len());
        assert!(all.recordings.iter().all(|one| !one.response.body().is_empty()
            || one.response.status != 200
            || one.request.is_some()));
    }
}
