//! What is bounded stays so, and what is dropped is counted.

use std::collections::BTreeSet;

use paramedic_runqueue::{EventKind, Options};

use crate::{
    load::{Process, last_cpu, run_delay_ns, wait_until},
    run_queue,
};

#[test]
fn processes_beyond_the_slots_are_counted_together_until_the_dead_are_released() {
    let options = Options { processes_max: 64, ..Options::default() };
    let Some(mut run_queue) = run_queue(options) else { return };
    let slots = run_queue.slots();
    for _ in 0..2 * slots {
        Process::shell("exit").wait();
    }
    let full = run_queue.read().unwrap();
    assert!(full.lost.slots > 0);
    assert!(full.known.len() <= slots as usize);

    let dead =
        full.known.iter().filter(|(_, process)| !std::path::Path::new(&format!("/proc/{}", process.pid)).exists());
    let dead: Vec<_> = dead.map(|(slot, _)| *slot).collect();
    assert!(!dead.is_empty());
    run_queue.release(dead).unwrap();
    let mut process = Process::spin_on(last_cpu());
    wait_until("a new process has a slot", || {
        let reading = run_queue.read().unwrap();
        let distinct: BTreeSet<_> = reading.known.iter().map(|(slot, _)| *slot).collect();
        assert_eq!(distinct.len(), reading.known.len(), "a slot is one process's");
        if reading.known.iter().any(|(_, known)| known.pid == process.pid()) {
            return true;
        }
        process = Process::spin_on(last_cpu());
        false
    });
    assert!(run_queue.tables_bytes() < 16 << 20, "{}", run_queue.tables_bytes());
}

#[test]
fn a_released_slot_begins_empty() {
    let Some(mut run_queue) = run_queue(Options::default()) else { return };
    let cpu = last_cpu();
    let (first, _other) = (Process::spin_on(cpu), Process::spin_on(cpu));
    wait_until("it waited", || run_delay_ns(first.pid()) > 100_000_000);
    let pid = first.pid();
    drop(first);
    let reading = run_queue.read().unwrap();
    let slots: Vec<_> = reading.known.iter().filter(|(_, known)| known.pid == pid).map(|(slot, _)| *slot).collect();
    run_queue.release(slots.clone()).unwrap();
    let reading = run_queue.read().unwrap();
    assert!(reading.known.iter().all(|(_, known)| known.pid != pid));
    let again = reading.processes.iter().filter(|waits| slots.contains(&waits.slot));
    assert!(again.into_iter().all(|waits| waits.waits.sum().as_millis() < 90), "the counts were its predecessor's");
}

#[test]
fn live_events_come_up_to_the_limit_and_the_rest_is_counted() {
    let Some(mut run_queue) = run_queue(Options::default()) else { return };
    let cpu = last_cpu();
    let spinners = [Process::spin_on(cpu), Process::spin_on(cpu)];
    run_queue.set_live(5);
    let mut seen = Vec::new();
    wait_until("some are told and some are dropped", || {
        seen.extend(run_queue.events().unwrap());
        let own = |pid: u32| spinners.iter().any(|spinner| spinner.pid() == pid);
        seen.iter().filter(|event| own(event.pid)).count() >= 2 && run_queue.read().unwrap().lost.limited > 0
    });
    assert!(seen.iter().all(|event| matches!(event.kind, EventKind::Wait { .. } | EventKind::OomKill { .. })));
    run_queue.set_live(0);
    run_queue.events().unwrap();
    let limited = run_queue.read().unwrap().lost.limited;
    let before = run_delay_ns(spinners[0].pid());
    wait_until("they waited on", || run_delay_ns(spinners[0].pid()) > before + 20_000_000);
    assert_eq!(
        run_queue.events().unwrap().iter().filter(|event| matches!(event.kind, EventKind::Wait { .. })).count(),
        0
    );
    assert_eq!(run_queue.read().unwrap().lost.limited, limited);
}

#[test]
fn the_kernel_tells_what_the_programs_cost() {
    let Some(run_queue) = run_queue(Options::default()) else { return };
    let _on = run_queue.statistics_on().unwrap();
    let _spinners = [Process::spin_on(last_cpu()), Process::spin_on(last_cpu())];
    wait_until("the programs have run", || {
        run_queue.cost().iter().any(|cost| cost.name == "runq_switch" && cost.runs > 20 && cost.run_ns > 0)
    });
}
