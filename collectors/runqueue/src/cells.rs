//! The counts, read in place: the programs' table is mapped into this process.

use std::{
    os::fd::BorrowedFd,
    ptr::{self, NonNull},
    sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::{BUCKETS, Histogram, Slot, loader::types};

/// As the C `struct cell`, whose fields other CPUs write while they are read here.
#[repr(C)]
struct Cell {
    waits: AtomicU64,
    wait_ns: AtomicU64,
    switched_out: AtomicU32,
    switched_to_own: AtomicU32,
    short_waits: [AtomicU32; SHORT_WAITS],
    buckets: [AtomicU32; BUCKETS],
}

/// As in `src/bpf/runqueue.h`: waits below 4,096 ns by 256.
const SHORT_WAITS: usize = 16;
const SHORT_WAIT_NS: u64 = 256;

const _: () = assert!(size_of::<Cell>() == size_of::<types::cell>() && align_of::<Cell>() == align_of::<types::cell>());

/// A slot's counts at the last reading, over all CPUs.
#[derive(Clone)]
struct Totals {
    waits: u64,
    wait_ns: u64,
    switched_out: u32,
    switched_to_own: u32,
    buckets: [u32; BUCKETS],
}

impl Default for Totals {
    fn default() -> Self {
        Self { waits: 0, wait_ns: 0, switched_out: 0, switched_to_own: 0, buckets: [0; BUCKETS] }
    }
}

/// A slot's counts since the last reading.
pub(crate) struct Counted {
    pub(crate) waits: Histogram,
    pub(crate) switched_out: u64,
    /// Of these, to another of its tasks.
    pub(crate) switched_to_own: u64,
}

/// The programs' table of counts.
pub(crate) struct Cells {
    start: NonNull<Cell>,
    bytes: usize,
    slots: u32,
    cpus: u32,
    last: Vec<Option<Box<Totals>>>,
}

// SAFETY: the mapping belongs to the process, not to a thread, and is read and written through atomics alone.
unsafe impl Send for Cells {}

impl Cells {
    /// Maps `slots` times `cpus` cells.
    pub(crate) fn map(table: BorrowedFd<'_>, slots: u32, cpus: u32) -> Result<Self, rustix::io::Errno> {
        let bytes = size_of::<Cell>() * slots as usize * cpus as usize;
        let bytes = bytes.next_multiple_of(rustix::param::page_size());
        // SAFETY: a new mapping at an address of the kernel's choice, of a table that has this many bytes.
        let start =
            unsafe { mmap(ptr::null_mut(), bytes, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, table, 0) }?;
        let start = NonNull::new(start.cast()).ok_or(rustix::io::Errno::FAULT)?;
        Ok(Self { start, bytes, slots, cpus, last: vec![None; slots as usize] })
    }

    /// A slot's counts since the last reading; `None` where nothing has changed.
    pub(crate) fn read(&mut self, slot: Slot) -> Option<Counted> {
        let now = self.head(slot)?;
        let last = self.last.get(slot.0 as usize)?.as_deref();
        if last.map_or((0, 0), |last| (last.waits, last.switched_out)) == (now.waits, now.switched_out) {
            return None;
        }
        let now = self.with_buckets(slot, now);
        let zero = Totals::default();
        let before = last.unwrap_or(&zero);
        let mut histogram = Histogram::default();
        for (bucket, (now, before)) in now.buckets.iter().zip(before.buckets).enumerate() {
            // A bucket may pass 2^32: the difference is right all the same.
            histogram.add(bucket, u64::from(now.wrapping_sub(before)));
        }
        histogram.add_sum(now.wait_ns.wrapping_sub(before.wait_ns));
        let counted = Counted {
            waits: histogram,
            switched_out: now.switched_out.wrapping_sub(before.switched_out).into(),
            switched_to_own: now.switched_to_own.wrapping_sub(before.switched_to_own).into(),
        };
        *self.last.get_mut(slot.0 as usize)? = Some(Box::new(now));
        Some(counted)
    }

    /// Empties a slot that no process has.
    pub(crate) fn clear(&mut self, slot: Slot) {
        for cell in self.of(slot) {
            for sum in [&cell.waits, &cell.wait_ns] {
                sum.store(0, Relaxed);
            }
            let switches = [&cell.switched_out, &cell.switched_to_own];
            switches
                .into_iter()
                .chain(&cell.short_waits)
                .chain(&cell.buckets)
                .for_each(|waits| waits.store(0, Relaxed));
        }
        if let Some(last) = self.last.get_mut(slot.0 as usize) {
            *last = None;
        }
    }

    fn head(&self, slot: Slot) -> Option<Totals> {
        (slot.0 < self.slots).then(|| {
            self.of(slot).fold(Totals::default(), |mut sum, cell| {
                sum.waits = sum.waits.wrapping_add(cell.waits.load(Relaxed));
                sum.wait_ns = sum.wait_ns.wrapping_add(cell.wait_ns.load(Relaxed));
                sum.switched_out = sum.switched_out.wrapping_add(cell.switched_out.load(Relaxed));
                sum.switched_to_own = sum.switched_to_own.wrapping_add(cell.switched_to_own.load(Relaxed));
                sum
            })
        })
    }

    fn with_buckets(&self, slot: Slot, mut totals: Totals) -> Totals {
        for cell in self.of(slot).filter(|cell| cell.waits.load(Relaxed) > 0) {
            for (sum, bucket) in totals.buckets.iter_mut().zip(&cell.buckets) {
                *sum = sum.wrapping_add(bucket.load(Relaxed));
            }
            for (length, waits) in cell.short_waits.iter().enumerate() {
                let bucket = Histogram::bucket_of(length as u64 * SHORT_WAIT_NS);
                if let Some(sum) = totals.buckets.get_mut(bucket) {
                    *sum = sum.wrapping_add(waits.load(Relaxed));
                }
            }
        }
        totals
    }

    /// A slot's cells, a CPU each: as many slots apart as there are.
    fn of(&self, slot: Slot) -> impl Iterator<Item = &Cell> {
        // SAFETY: the mapping holds `slots * cpus` cells, lives as long as `self`, and is aligned to a page.
        let cells =
            unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.slots as usize * self.cpus as usize) };
        cells.iter().skip(slot.0 as usize).step_by(self.slots as usize)
    }
}

impl Drop for Cells {
    fn drop(&mut self) {
        // SAFETY: it was mapped by `map` with this length, and nothing borrows from it any more.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}
