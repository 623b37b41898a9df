//! Replays recorded exchanges of real providers through translation, where `WHARF_FIXTURES` names a folder of them:
//! one JSON file per exchange, `<provider>/<endpoint>[-stream].….json`. `WHARF_REPLAY` narrows it to files whose path
//! holds that text, `WHARF_REPLAY_SHOWN` says how many failures of each pair are shown.
//!
//! What comes out is compared with an independent reading of the recording (`judge`).

mod answers;
mod botocore;
mod errors;
mod facts;
mod grammar;
#[path = "../judge/mod.rs"]
mod judge;
mod recordings;
mod requests;
mod schema;
mod tally;
mod vendors;

use recordings::Recording;
use tally::Tally;
use wharf_wire::Format;

/// The dialects that clients speak.
const CLIENTS: [Format; 4] =
    [Format::OpenAiChat, Format::OpenAiResponses, Format::AnthropicMessages, Format::GeminiGenerate];

#[test]
fn every_recorded_answer_reads_the_same_in_every_dialect() {
    over_all(answers::replay);
}

#[test]
fn every_recorded_error_keeps_its_words_in_every_dialect() {
    over_all(errors::replay);
}

#[test]
fn every_recorded_request_is_one_that_the_other_vendors_describe() {
    let vendors = vendors::Vendors::read();
    over_all(|recording, tally| requests::replay(recording, &vendors, tally));
}

/// Judges every recording, on all cores, and prints what passed.
fn over_all(judge: impl Fn(&Recording, &mut Tally) + Sync) {
    let Some(paths) = recordings::paths() else {
        println!("skipped: WHARF_FIXTURES does not name a folder of recordings");
        return;
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let work = |from: usize| {
            let (paths, judge) = (&paths, &judge);
            move || {
                let mut tally = Tally::default();
                for path in paths.iter().skip(from).step_by(cores) {
                    if let Some(recording) = recordings::read(path) {
                        judge(&recording, &mut tally);
                    }
                }
                tally
            }
        };
        let workers: Vec<_> = (0..cores).map(|from| scope.spawn(work(from))).collect();
        for worker in workers {
            tally.add(worker.join().unwrap());
        }
    });
    tally.print();
    assert!(tally.wrong() == 0, "{} of {} cases are wrong", tally.wrong(), tally.total());
    assert!(tally.total() > 0, "no recordings were found");
}

#[test]
#[ignore = "what only the vendors' own tools write is not of our grammar: to be read by people"]
fn the_vendors_own_answers_keep_the_grammar() {
    over_all(grammar::replay);
}
