//! What the programs cost a pinned ping-pong pair, the worst case: it does nothing but wake and switch.
//!
//! `cargo bench -p paramedic-runqueue --bench ping_pong` as root. Rounds with and without the programs alternate; a round's
//! time is the pair's CPU time, which holds the programs' too and is not disturbed by what else runs.
#![expect(clippy::unwrap_used, reason = "a benchmark ends by panicking")]

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, PipeReader, PipeWriter, Read as _, Write as _},
    os::fd::{AsFd as _, FromRawFd as _, OwnedFd},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use libbpf_rs::libbpf_sys;
use paramedic_runqueue::{CgroupSource, Options, ProgramCost, RunQueue, StatisticsOn};
use rustix::{
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
    time::{ClockId, clock_gettime},
};

/// Odd, so that there is a median.
const PAIRS: usize = 41;
const TRIPS: u32 = 20_000;

/// What bcc's and bpftrace's runqlat do, without their kernel headers.
const RUNQLAT: &str = r#"
BEGIN { printf("attached\n"); }
tracepoint:sched:sched_wakeup, tracepoint:sched:sched_wakeup_new { @queued[args->pid] = nsecs; }
tracepoint:sched:sched_switch {
    if (args->prev_state == 0) { @queued[args->prev_pid] = nsecs; }
    $since = @queued[args->next_pid];
    if ($since) { @usecs = hist((nsecs - $since) / 1000); }
    delete(@queued[args->next_pid]);
}"#;

/// What is attached while it lives.
enum Attached {
    Ours(#[expect(dead_code, reason = "attached until it is dropped")] Box<RunQueue>),
    Nothing(#[expect(dead_code, reason = "attached until it is dropped")] Nothing),
    Bpftrace(Child),
}

impl Drop for Attached {
    fn drop(&mut self) {
        if let Self::Bpftrace(child) = self {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

/// A program on the same tracepoint that does nothing: what is left is the kernel's, and of the nanoseconds the counting's.
struct Nothing {
    program: OwnedFd,
    _link: OwnedFd,
}

impl Nothing {
    fn attach() -> Self {
        let name = c"sched_switch";
        let instructions = [
            libbpf_sys::bpf_insn { code: 0xb7, ..Default::default() },
            libbpf_sys::bpf_insn { code: 0x95, ..Default::default() },
        ];
        // SAFETY: the pointers are to what lives until the calls return; the answers are descriptors of our own, or negative.
        unsafe {
            let program = libbpf_sys::bpf_prog_load(
                libbpf_sys::BPF_PROG_TYPE_RAW_TRACEPOINT,
                c"nothing".as_ptr(),
                c"GPL".as_ptr(),
                instructions.as_ptr(),
                instructions.len() as u64,
                std::ptr::null_mut(),
            );
            assert!(program >= 0, "the empty program is not loaded: {program}");
            let link = libbpf_sys::bpf_raw_tracepoint_open(name.as_ptr(), program);
            assert!(link >= 0, "the empty program is not attached: {link}");
            Self { program: OwnedFd::from_raw_fd(program), _link: OwnedFd::from_raw_fd(link) }
        }
    }

    fn cost(&self) -> ProgramCost {
        ProgramCost::of("an empty program", self.program.as_fd()).unwrap()
    }
}

fn main() {
    pin();
    let mut pair = Pair::start();
    pair.round(TRIPS);
    let options = Options { cgroups: CgroupSource::V1Cpu, ..Options::default() };
    compare("an empty program", &mut pair, || Attached::Nothing(Nothing::attach()));
    compare("ours", &mut pair, || Attached::Ours(Box::new(RunQueue::load(&options).unwrap())));
    nanoseconds(&mut pair, &options);
    if bpftrace().is_some() {
        compare("bpftrace, as runqlat", &mut pair, || bpftrace().unwrap());
    } else {
        println!("bpftrace does not run here: it needs tracefs in /sys/kernel/tracing");
    }
}

/// bpftrace, once its programs are attached; `None` where it does not run.
fn bpftrace() -> Option<Attached> {
    let mut command = Command::new("bpftrace");
    let mut child = command.args(["-e", RUNQLAT]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let lines = BufReader::new(child.stdout.take()?).lines();
    let is_attached = lines.map_while(Result::ok).any(|line| line == "attached");
    let attached = Attached::Bpftrace(child);
    is_attached.then_some(attached)
}

fn compare(name: &str, pair: &mut Pair, attach: impl Fn() -> Attached) {
    let mut ratios: Vec<f64> = (0..PAIRS).map(|index| ratio(pair, &attach, index % 2 == 0)).collect();
    ratios.sort_by(f64::total_cmp);
    let quarter = |n: usize| ratios[n * (PAIRS - 1) / 4];
    println!(
        "{name}: CPU time of the pair with over without: median {:.4}, quartiles {:.4} to {:.4}, {PAIRS} pairs of {TRIPS} round trips",
        quarter(2),
        quarter(1),
        quarter(3)
    );
}

/// Which comes first alternates, so that a drift of the machine's speed counts for neither.
fn ratio(pair: &mut Pair, attach: &impl Fn() -> Attached, with_first: bool) -> f64 {
    let before = (!with_first).then(|| pair.round(TRIPS));
    let attached = attach();
    pair.round(TRIPS / 10);
    let with = pair.round(TRIPS);
    drop(attached);
    with / before.unwrap_or_else(|| pair.round(TRIPS))
}

/// Nanoseconds a run by the kernel's count, the empty program's beside ours in rounds that alternate: what both have is the
/// counting itself.
fn nanoseconds(pair: &mut Pair, options: &Options) {
    let mut rounds: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut tables_bytes = 0;
    for _ in 0..PAIRS {
        let nothing = Nothing::attach();
        let costs = counted(pair, || vec![nothing.cost()]);
        drop(nothing);
        let run_queue = RunQueue::load(options).unwrap();
        tables_bytes = run_queue.tables_bytes();
        pair.round(TRIPS / 10);
        for cost in costs.into_iter().chain(counted(pair, || run_queue.cost())).filter(|cost| cost.runs > 0) {
            rounds.entry(cost.name).or_default().push(cost.run_ns as f64 / cost.runs as f64);
        }
    }
    for (name, mut ns) in rounds {
        ns.sort_by(f64::total_cmp);
        println!(
            "  {name}: {:.1} ns a run in the median of {PAIRS} rounds, {:.1} in the best",
            ns[ns.len() / 2],
            ns[0]
        );
    }
    println!("  tables: {} KiB", tables_bytes / 1024);
}

fn counted(pair: &mut Pair, cost: impl Fn() -> Vec<ProgramCost>) -> Vec<ProgramCost> {
    let _on = StatisticsOn::new().unwrap();
    let before = cost();
    pair.round(TRIPS);
    let difference = |(after, before): (ProgramCost, ProgramCost)| ProgramCost {
        runs: after.runs - before.runs,
        run_ns: after.run_ns - before.run_ns,
        ..after
    };
    cost().into_iter().zip(before).map(difference).collect()
}

struct Pair {
    ping: PipeWriter,
    pong: PipeReader,
}

impl Pair {
    fn start() -> Self {
        let ((mut echo_in, ping), (pong, mut echo_out)) = (std::io::pipe().unwrap(), std::io::pipe().unwrap());
        thread::spawn(move || {
            pin();
            let mut byte = [0];
            while echo_in.read_exact(&mut byte).is_ok() {
                echo_out.write_all(&byte).unwrap();
            }
        });
        Self { ping, pong }
    }

    /// CPU seconds of this process for so many round trips.
    fn round(&mut self, trips: u32) -> f64 {
        let start = cpu_time();
        let mut byte = [1];
        for _ in 0..trips {
            self.ping.write_all(&byte).unwrap();
            self.pong.read_exact(&mut byte).unwrap();
        }
        cpu_time().saturating_sub(start).as_secs_f64()
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

fn pin() {
    let allowed = sched_getaffinity(None).unwrap();
    let last = (0..CpuSet::MAX_CPU).rev().find(|cpu| allowed.is_set(*cpu)).unwrap();
    let mut set = CpuSet::new();
    set.set(last);
    sched_setaffinity(None, &set).unwrap();
}
