//! Known scheduling patterns: the waits are those that `/proc/<pid>/schedstat` tells, and who ran meanwhile is named.

use std::{collections::BTreeMap, io::Read as _, io::Write as _, thread};

use paramedic_runqueue::{Event, EventKind, Options, Reading, RunQueue, Slot};
use rustix::event::{PollFd, PollFlags, poll};

use crate::{
    load::{Cgroup, PATIENCE, Process, last_cpu, pin, run_delay_ns, wait_until},
    run_queue,
};

const MILLISECOND_NS: u64 = 1_000_000;

/// The waits of a process, in all its cgroups.
fn waited_ns(readings: &[Reading], pid: u32) -> u64 {
    let all = readings.iter().flat_map(|reading| &reading.processes);
    let own = all.filter(|waits| waits.process.is_some_and(|process| process.pid == pid));
    own.map(|waits| u64::try_from(waits.waits.sum().as_nanos()).unwrap()).sum()
}

fn slots_of(reading: &Reading, pid: u32) -> Vec<Slot> {
    reading.known.iter().filter(|(_, process)| process.pid == pid).map(|(slot, _)| *slot).collect()
}

/// How long a process waited behind whom, in nanoseconds.
fn behind(readings: &[Reading], pid: u32) -> BTreeMap<Slot, u64> {
    let mut behind = BTreeMap::new();
    for reading in readings {
        let own = slots_of(reading, pid);
        for charge in reading.charges.iter().filter(|charge| own.contains(&charge.victim)) {
            *behind.entry(charge.by).or_default() += charge.waited_ns;
        }
    }
    behind
}

fn assert_agrees(run_queue: &mut RunQueue, readings: &mut Vec<Reading>, pid: u32) {
    let before = run_delay_ns(pid);
    readings.push(run_queue.read().unwrap());
    let after = run_delay_ns(pid);
    let measured = waited_ns(readings, pid);
    let (least, most) = (before as f64 * 0.95, after as f64 * 1.05);
    assert!((least..=most).contains(&(measured as f64)), "measured {measured} ns, by the kernel {before} to {after}");
    assert_eq!(readings.last().unwrap().lost.tasks, 0);
}

#[test]
fn pinned_spinners_wait_for_each_other() {
    let Some(mut run_queue) = run_queue(Options::default()) else { return };
    let cpu = last_cpu();
    let (victim, other) = (Process::spin_on(cpu), Process::spin_on(cpu));
    victim.prefer();
    other.prefer();
    wait_until("the spinners have waited", || run_delay_ns(victim.pid()) > 600 * MILLISECOND_NS);
    let mut readings = Vec::new();
    assert_agrees(&mut run_queue, &mut readings, victim.pid());
    let behind = behind(&readings, victim.pid());
    let others = slots_of(&readings[0], other.pid());
    let behind_other: u64 = others.iter().filter_map(|slot| behind.get(slot)).sum();
    let share = behind_other as f64 / behind.values().sum::<u64>() as f64;
    // The machine's other tasks run here too, and whoever was last is charged.
    assert!(share > 0.1, "it waited behind {behind:?}, the other is {others:?}");
    let own = readings[0].processes.iter().filter(|waits| waits.process.is_some_and(|own| own.pid == victim.pid()));
    assert!(own.map(|waits| waits.switched_out).sum::<u64>() > 5, "and was switched away from while it could run");
}

#[test]
fn a_quota_makes_tasks_wait_in_their_own_cgroup() {
    let Some(mut run_queue) = run_queue(Options::default()) else { return };
    let Some(cgroup) = Cgroup::new("cpu", "quota") else { return };
    cgroup.set(&[("cpu.cfs_quota_us", "20000"), ("cpu.max", "20000 100000")]);
    let spinner = Process::spin_on(last_cpu());
    cgroup.take(&spinner);
    wait_until("it was throttled", || cgroup.throttled() > 8 && run_delay_ns(spinner.pid()) > 600 * MILLISECOND_NS);
    let mut readings = Vec::new();
    assert_agrees(&mut run_queue, &mut readings, spinner.pid());
    let own = |process: &paramedic_runqueue::Process| process.pid == spinner.pid() && process.cgroup_id == cgroup.id();
    let inside = readings[0].processes.iter().find(|waits| waits.process.as_ref().is_some_and(own)).unwrap();
    assert!(inside.waits.quantile_s(0.99).unwrap() > 0.03, "{:?}", inside.waits.quantile_s(0.99));
    drop(spinner);
}

#[test]
fn a_ping_pong_pair_waits_as_the_kernel_says() {
    let Some(mut run_queue) = run_queue(Options::default()) else { return };
    let cpu = last_cpu();
    let pid = std::process::id();
    let own_waits_before = run_delay_ns(pid);
    run_queue.read().unwrap();
    let ((ping_read, mut ping), (pong_read, mut pong)) = (std::io::pipe().unwrap(), std::io::pipe().unwrap());
    let echo = thread::spawn(move || {
        pin(None, cpu);
        let mut reader = ping_read;
        let mut byte = [0];
        while reader.read_exact(&mut byte).is_ok() {
            pong.write_all(&byte).unwrap();
        }
    });
    pin(None, cpu);
    let mut pong_read = pong_read;
    let mut rounds = 0_u64;
    let mut byte = [1];
    wait_until("they waited", || {
        for _ in 0..2_000 {
            ping.write_all(&byte).unwrap();
            pong_read.read_exact(&mut byte).unwrap();
        }
        rounds += 2_000;
        rounds >= 20_000 && run_delay_ns(pid) - own_waits_before > 100 * MILLISECOND_NS
    });
    let before = run_delay_ns(pid) - own_waits_before;
    let readings = vec![run_queue.read().unwrap()];
    let after = run_delay_ns(pid) - own_waits_before;
    drop(ping);
    echo.join().unwrap();
    let measured = waited_ns(&readings, pid) as f64;
    let waits: u64 = readings[0]
        .processes
        .iter()
        .filter(|waits| waits.process.is_some_and(|own| own.pid == pid))
        .map(|waits| waits.waits.count())
        .sum();
    assert!((before as f64 * 0.95..=after as f64 * 1.05).contains(&measured), "{measured} of {before} to {after}");
    assert!(waits >= 2 * rounds, "{waits} waits in {rounds} rounds");
}

#[test]
fn a_kernel_oom_kill_is_told() {
    let Some(run_queue) = run_queue(Options::default()) else { return };
    let Some(cgroup) = Cgroup::new("memory", "oom") else { return };
    cgroup.set(&[("memory.limit_in_bytes", "20000000"), ("memory.max", "20000000")]);
    let script = format!("echo $$ > {}/cgroup.procs && exec tail /dev/zero", cgroup.path().display());
    let notice = run_queue.kill_notice().unwrap();
    let mut hog = Process::shell(&script);
    hog.wait();
    let mut notices = [PollFd::new(&notice, PollFlags::IN)];
    assert_eq!(
        poll(&mut notices, Some(&PATIENCE.try_into().unwrap())).unwrap(),
        1,
        "whoever waits for a kill is woken"
    );
    let mut seen: Vec<Event> = Vec::new();
    wait_until("the kill is told", || {
        seen.extend(run_queue.events().unwrap());
        seen.iter().any(|event| event.pid == hog.pid())
    });
    let kill = seen.iter().find(|event| event.pid == hog.pid()).unwrap();
    assert_eq!((kill.kind, kill.name.as_str()), (EventKind::OomKill { parent: std::process::id() }, "tail"));
}
