//! A busy machine, and time on the processor.

use std::{
    hint::black_box,
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::time::{ClockId, clock_gettime};

/// Seconds that this thread has been on a processor.
pub(crate) fn thread_cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Does something while so many threads compute without a pause.
pub(crate) fn under<T>(threads: usize, run: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut number = 1_u64;
                while !done.load(Ordering::Relaxed) {
                    number = black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
                }
            });
        }
        let result = run();
        done.store(true, Ordering::Relaxed);
        result
    })
}
