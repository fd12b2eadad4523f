//! The same bits from run to run, and for any number of threads.

use crate::net::Net;

#[test]
fn a_training_run_has_the_same_bits_on_any_number_of_threads() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("a pool").install(|| {
            let mut net = Net::new();
            let losses: Vec<u32> = (0..4).map(|_| net.step().to_bits()).collect();
            (losses, net.bits())
        })
    };
    let one = run(1);
    assert!(one.0[0] != one.0[3], "nothing was learnt");
    for threads in [1, 2, 3, 8] {
        assert!(run(threads) == one, "{threads} threads");
    }
}
