//! One judge over all recordings.

use crate::recordings::{self, Recording};
use crate::tally::Tally;

/// Judges every recording, on all cores, and prints what passed.
pub(crate) fn over_all(judge: impl Fn(&Recording, &mut Tally) + Sync) {
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
            tally.add(worker.join().expect("a judge does not panic"));
        }
    });
    tally.print();
    assert!(tally.wrong() == 0, "{} of {} cases are wrong", tally.wrong(), tally.total());
    assert!(tally.total() > 0, "no recordings were found");
}
