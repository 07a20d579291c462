//! Events from the ring buffer.

use std::cell::RefCell;

use libbpf_rs::{MapCore, RingBufferBuilder};

use crate::{
    Event, EventKind, Slot,
    loader::{longs, words},
};

/// Most events of one call: twice what the buffer holds.
const EVENTS_MAX: usize = 8_192;

/// Takes what is there. The programs wake nobody for an event, so the caller asks from time to time.
pub(crate) fn drain(buffer: &dyn MapCore) -> libbpf_rs::Result<Vec<Event>> {
    let found = RefCell::new(Vec::new());
    let mut builder = RingBufferBuilder::new();
    builder.add(buffer, |bytes| {
        let mut found = found.borrow_mut();
        found.extend(event(bytes));
        // A negative answer ends the call; what is left waits for the next.
        if found.len() < EVENTS_MAX { 0 } else { -1 }
    })?;
    let buffer = builder.build()?;
    let consumed = buffer.consume();
    if found.borrow().len() < EVENTS_MAX {
        consumed?;
    }
    drop(buffer);
    Ok(found.into_inner())
}

/// Reads the C `struct event`, field by field.
fn event(bytes: &[u8]) -> Option<Event> {
    let &[at_ns, cgroup_id, wait_ns] = longs(bytes.get(..24)?).as_slice() else { return None };
    let &[kind, pid, task, slot, by, cpu] = words(bytes.get(24..48)?).as_slice() else { return None };
    let name = bytes.get(48..64)?.split(|byte| *byte == 0).next().unwrap_or_default();
    let kind = match kind {
        1 => EventKind::Wait { wait_ns, slot: Slot(slot), by: Slot(by), cpu, cgroup_id },
        2 => EventKind::OomKill { parent: by },
        _ => return None,
    };
    Some(Event { at_ns, pid, task, name: String::from_utf8_lossy(name).into_owned(), kind })
}
