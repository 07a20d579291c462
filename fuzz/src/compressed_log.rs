//! Packed logs, unpacked within bounds, and the window of a log's head and tail.

use std::{
    io::{self, Read},
    sync::OnceLock,
    time::Duration,
};

use futures::StreamExt as _;
use paramedic_compression::{Codec, UnpackLimits, Unpacked};
use paramedic_fetch::{
    Body, CutText, FetchBounds, FetchError, Remote,
    cut::{HeadTail, cut, shares},
    fetch, unpack_into,
};
use tokio::{runtime::Runtime, time::Instant};

use crate::input;

/// Most bytes that are unpacked here: so little that bombs reach it.
const UNPACKED_BYTES_MAX: u64 = 64 * 1024;
/// Most bytes kept of a log.
const KEPT_BYTES_MAX: usize = 500;
/// More than any log takes here.
const PATIENCE: Duration = Duration::from_mins(1);

/// Unpacks a log and keeps its ends. Neither depends on the pieces in which the log comes, nor on whether a server has
/// ranges; nothing is larger than its bound.
pub fn compressed_log(data: &[u8]) {
    unpacking(data);
    window(data);
    fetching(data);
}

fn limits() -> UnpackLimits {
    UnpackLimits { bytes_max: UNPACKED_BYTES_MAX, ..UnpackLimits::default() }
}

fn unpacking(data: &[u8]) {
    let whole = unpack(data, 64 * 1024);
    let pieces = unpack(Dripping(data), 13);
    let (one, other) = (&whole.bytes, &pieces.bytes);
    assert_eq!(whole.failed, pieces.failed);
    assert_eq!(whole.stopped, pieces.stopped);
    // What stands before a broken place may be given or not: decoders differ by how much they read ahead.
    assert!(one.starts_with(other) || other.starts_with(one));
    assert!(whole.failed || one == other, "in pieces as in one");
    assert!(one.len() as u64 <= UNPACKED_BYTES_MAX && other.len() as u64 <= UNPACKED_BYTES_MAX);
    if Codec::of(data).is_none() {
        assert!(data.starts_with(one) && !whole.failed, "what is not packed stays");
    }
}

struct Outcome {
    bytes: Vec<u8>,
    failed: bool,
    stopped: bool,
}

fn unpack(reader: impl Read, at_once: usize) -> Outcome {
    let Ok(mut unpacked) = Unpacked::new(reader, limits()) else {
        return Outcome { bytes: Vec::new(), failed: true, stopped: false };
    };
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; at_once]);
    let failed = loop {
        match unpacked.read(&mut buffer) {
            Ok(0) => break false,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
            Err(_) => break true,
        }
    };
    Outcome { bytes, failed, stopped: unpacked.stopped() }
}

/// Gives a few bytes at a time.
struct Dripping<'d>(&'d [u8]);

impl Read for Dripping<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(5);
        self.0.read(&mut buffer[..most])
    }
}

fn window(data: &[u8]) {
    let text = input::text(data);
    let at_once = cut(text.clone().into_owned(), KEPT_BYTES_MAX);
    assert_is_within(&at_once);
    assert_eq!(at_once.whole, text.len() <= KEPT_BYTES_MAX);
    assert!(!at_once.whole || at_once.text == text);
    for chunk in [1, 7, 300] {
        let mut kept = HeadTail::new(KEPT_BYTES_MAX);
        text.as_bytes().chunks(chunk).for_each(|chunk| kept.write(chunk));
        assert_eq!(kept.finish(), at_once, "in chunks of {chunk}");
    }
    let mut kept = HeadTail::new(KEPT_BYTES_MAX);
    if unpack_into(data, limits(), Instant::now() + PATIENCE, &mut kept).is_ok() {
        assert_is_within(&kept.finish());
    }
}

/// A byte that is no text becomes three, and the mark between head and tail has under 64.
fn assert_is_within(cut: &CutText) {
    assert!(cut.text.len() <= 3 * KEPT_BYTES_MAX + 64, "{} bytes", cut.text.len());
}

/// A server that has a log and, perhaps, gives parts of it.
struct Server {
    log: Vec<u8>,
    ranges: bool,
}

impl Remote for Server {
    async fn open(&self, from: u64) -> Result<Body, FetchError> {
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(self.log.len());
        let chunks: Vec<_> = self.log[from..].chunks(97).map(|chunk| Ok(chunk.to_vec().into())).collect();
        Ok(Body {
            chunks: futures::stream::iter(chunks).boxed(),
            size: Some(self.log.len() as u64),
            ranges: self.ranges,
            until: None,
        })
    }
}

fn fetching(data: &[u8]) {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime without input and output")
    });
    let bounds = FetchBounds {
        bytes_max: KEPT_BYTES_MAX,
        fetch_bytes_max: 1 << 20,
        unpack: limits(),
        deadline: Instant::now() + PATIENCE,
    };
    let get = |ranges| runtime.block_on(fetch(&Server { log: data.to_vec(), ranges }, bounds)).ok();
    let (whole, parts) = (get(false), get(true));
    assert_eq!(whole, parts, "the ends of a log are the same in ranges");
    if let Some(cut) = whole {
        assert_is_within(&cut);
        let (head, _) = shares(KEPT_BYTES_MAX);
        let start = data.get(..head).unwrap_or(data);
        let is_text = Codec::of(data).is_none() && std::str::from_utf8(data).is_ok() && start.ends_with(b"\n");
        assert!(!is_text || cut.text.as_bytes().starts_with(start), "the head is kept");
    }
}
