//! Replays recorded exchanges of real providers through translation, where `WHARF_FIXTURES` names a folder of them:
//! one JSON file per exchange, `<provider>/<endpoint>[-stream].….json`. `WHARF_REPLAY` narrows it to files whose path
//! holds that text, `WHARF_REPLAY_SHOWN` says how many failures of each pair are shown.
//!
//! What comes out is compared with an independent reading of the recording (`judge`).

mod answers;
mod botocore;
mod errors;
mod golden;
#[path = "../judge/mod.rs"]
mod judge;
mod next_turn;
mod pace;
mod recordings;
mod requests;
#[cfg(test)]
mod run;
mod schema;
#[cfg(test)]
mod tally;
mod vendors;

use judge::matrix::{self, CLIENTS, Cell};
use run::over_all;
use wharf_wire::Format;

#[test]
fn every_recorded_answer_reads_the_same_in_every_dialect() {
    let described = vendors::Answers::read();
    over_all(|recording, tally| answers::replay(recording, &described, tally));
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

#[test]
fn no_feature_gets_lost_between_any_dialect_and_any_format() {
    let mut wrong = Vec::new();
    for dialect in CLIENTS {
        for format in Format::ALL {
            for feature in matrix::FEATURES {
                for stream in [false, true] {
                    if let Cell::Wrong(what) = matrix::cell(dialect, format, feature, stream) {
                        wrong.push(format!("{dialect} over {format}, {feature}, stream {stream}: {what}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
