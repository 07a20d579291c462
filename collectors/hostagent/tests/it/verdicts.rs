//! A noisy neighbour, a quota and too much of one's own are told apart; without eBPF the sums stay right.

use std::{fs, os::unix::process::CommandExt as _, process::Command};

use paramedic_hostagent::Verdict;

use crate::{
    collector, has_bpf,
    load::{Cgroup, Process, last_cpu, pin, run_delay_ns, wait_until},
    named, now,
};

/// A cgroup that the agent takes for a Docker container's.
fn container(name: &str, digit: &str) -> Option<(Cgroup, Cgroup, String)> {
    let outer = Cgroup::new("cpu", name)?;
    let id = digit.repeat(64);
    let inner = outer.inside(&format!("docker-{id}.scope"));
    Some((outer, inner, format!("docker {}", &id[..12])))
}

fn has_waited(pid: u32, more_ms: u64) {
    let before = run_delay_ns(pid);
    wait_until("it has waited", || run_delay_ns(pid) > before + more_ms * 1_000_000);
}

#[test]
fn a_noisy_neighbour_is_named() {
    let (Some((_a, quiet, quiet_name)), Some((_b, noisy, noisy_name))) =
        (container("quiet", "a"), container("noisy", "b"))
    else {
        return;
    };
    let cpu = last_cpu();
    let (victim, other) = (Process::spin_on(cpu), Process::spin_on(cpu));
    other.prefer();
    noisy.set(&[("cpu.shares", "10240"), ("cpu.weight", "1000")]);
    quiet.take(&victim);
    noisy.take(&other);
    let mut collector = collector(true);
    if !has_bpf(&collector) {
        return;
    }
    has_waited(victim.pid(), 800);
    let snapshot = collector.collect(now());
    let seen = named(&snapshot, &quiet_name);
    assert_eq!(seen.verdict, Verdict::NoisyNeighbour, "{seen:?}");
    assert_eq!(seen.run_queue.top.as_ref().unwrap().name, noisy_name);
    assert!(seen.run_queue.behind.other_workload.switches > 0);
    drop((victim, other));
}

#[test]
fn a_quota_is_told_from_a_neighbour() {
    let Some((_outer, cgroup, name)) = container("throttled", "c") else { return };
    cgroup.set(&[("cpu.cfs_quota_us", "20000"), ("cpu.max", "20000 100000")]);
    let spinner = Process::spin_on(last_cpu());
    cgroup.take(&spinner);
    let mut collector = collector(true);
    if !has_bpf(&collector) {
        return;
    }
    has_waited(spinner.pid(), 1_000);
    let snapshot = collector.collect(now());
    let seen = named(&snapshot, &name);
    assert_eq!(seen.verdict, Verdict::Throttled, "{seen:?}");
    assert!((seen.cpus.unwrap() - 0.2).abs() < 1e-9, "the quota, not the host's CPUs: {:?}", seen.cpus);
    drop(spinner);
}

#[test]
fn a_workload_that_waits_for_itself_is_busy() {
    let Some((outer, cgroup, name)) = container("busy", "d") else { return };
    // Whatever else the machine runs has little of this CPU: what they wait for is each other.
    outer.set(&[("cpu.shares", "262144"), ("cpu.weight", "10000")]);
    let cpu = last_cpu();
    let spinners = [Process::spin_on(cpu), Process::spin_on(cpu), Process::spin_on(cpu)];
    for spinner in &spinners {
        cgroup.take(spinner);
    }
    let mut collector = collector(true);
    if !has_bpf(&collector) {
        return;
    }
    has_waited(spinners[0].pid(), 800);
    let snapshot = collector.collect(now());
    let seen = named(&snapshot, &name);
    assert_eq!(seen.verdict, Verdict::Busy, "{seen:?}");
    drop(spinners);
}

/// A shell whose command line is an executor's.
pub(crate) fn executor(script: &str, application: &str, executor: &str) -> Process {
    let mut command = Command::new("sh");
    command.arg0("java").args(["-c", script, "java"]).args([
        "org.apache.spark.executor.CoarseGrainedExecutorBackend",
        "--driver-url",
        "spark://CoarseGrainedScheduler@127.0.0.1:1",
        "--executor-id",
        executor,
        "--app-id",
        application,
    ]);
    Process::spawn(&mut command)
}

#[test]
fn without_ebpf_the_waits_are_the_sums_of_schedstat() {
    let cpu = last_cpu();
    let spin = "while :; do :; done";
    let (victim, other) = (executor(spin, "app-sums", "7"), Process::spin_on(cpu));
    pin(Some(victim.pid()), cpu);
    other.prefer();
    let cmdline = format!("/proc/{}/cmdline", victim.pid());
    wait_until("it runs", || fs::read_to_string(&cmdline).is_ok_and(|text| text.contains("app-sums")));
    let mut collector = collector(false);
    let begun = run_delay_ns(victim.pid());
    has_waited(victim.pid(), 800);
    let before = run_delay_ns(victim.pid());
    let snapshot = collector.collect(now());
    let after = run_delay_ns(victim.pid());
    let seen = named(&snapshot, "app-sums executor 7");
    let (least, most) = ((before - begun) as f64 * 0.95 / 1e9, (after - begun) as f64 * 1.05 / 1e9);
    let waited_s = seen.run_queue.waited_s;
    // It began to count a moment before this test did.
    assert!(waited_s >= least && waited_s <= most + 0.2, "{waited_s} of {least} to {most}");
    assert_eq!((seen.verdict, seen.run_queue.p99_s), (Verdict::Waiting, None));
    assert_eq!(snapshot.agent.run_queue_source, "schedstat");
    assert!(snapshot.agent.does_without.iter().any(|reason| reason.starts_with("eBPF")));
}
