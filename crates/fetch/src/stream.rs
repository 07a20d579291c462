//! A log that arrives as a stream: cut as it comes, unpacked where it is compressed, its middle left out where it can be.

use std::{future::Future, io::Read as _};

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use paramedic_compression::{Codec, MAGIC_BYTES, UnpackLimits, Unpacked};
use tokio::time::Instant;

use crate::{
    FetchError, arriving, before,
    cut::{CutText, HeadTail, shares},
};

/// Read from a decoder at once, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// Bytes of a log, as they arrive.
pub type Chunks = BoxStream<'static, Result<Bytes, FetchError>>;

/// What was opened of a log.
pub struct Body {
    /// The bytes.
    pub chunks: Chunks,
    /// Bytes of the whole log, where that is known.
    pub size: Option<u64>,
    /// It can be had from any offset.
    pub ranges: bool,
    /// It ends at this offset although the log goes on.
    pub until: Option<u64>,
}

/// Something that holds a log and can be asked for it.
pub trait Remote {
    /// The log from an offset on. From 0 it may stop early, at `until`; else it goes to the end.
    fn open(&self, from: u64) -> impl Future<Output = Result<Body, FetchError>> + Send;
}

/// Bounds of fetching one log.
#[derive(Clone, Copy)]
pub struct FetchBounds {
    /// Most bytes that are kept.
    pub bytes_max: usize,
    /// Most bytes that are transferred.
    pub fetch_bytes_max: u64,
    /// Bounds of unpacking.
    pub unpack: UnpackLimits,
    /// What has arrived by then is used.
    pub deadline: Instant,
}

/// One log; what has arrived when time or bytes run out is used.
pub async fn fetch(remote: &impl Remote, bounds: FetchBounds) -> Result<CutText, FetchError> {
    let mut body = before(bounds.deadline, remote.open(0)).await?;
    let start = start_of(&mut body.chunks, bounds.deadline).await?;
    let compressed = Codec::of(&start).is_some();
    let first = futures::stream::once(async move { Ok(Bytes::from(start)) });
    body.chunks = first.chain(body.chunks).boxed();
    if compressed { unpack(remote, body, bounds).await } else { plain(remote, body, bounds).await }
}

/// An answer that is of use only as a whole, such as a JSON document.
pub async fn answer(remote: &impl Remote, bytes_max: usize, deadline: Instant) -> Result<Vec<u8>, FetchError> {
    let mut chunks = before(deadline, remote.open(0)).await?.chunks;
    let mut bytes = Vec::new();
    while let Some(chunk) = next(&mut chunks, deadline).await? {
        if bytes.len() + chunk.len() > bytes_max {
            return Err(FetchError::TooLong(bytes_max));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// As many bytes as tell how it is compressed; fewer of a log that ends or breaks off before.
async fn start_of(chunks: &mut Chunks, deadline: Instant) -> Result<Vec<u8>, FetchError> {
    let mut start = Vec::new();
    while start.len() < MAGIC_BYTES {
        match next(chunks, deadline).await {
            Ok(Some(chunk)) => start.extend_from_slice(&chunk),
            Err(error) if start.is_empty() => return Err(error),
            Ok(None) | Err(_) => break,
        }
    }
    Ok(start)
}

async fn next(chunks: &mut Chunks, deadline: Instant) -> Result<Option<Bytes>, FetchError> {
    before(deadline, async { chunks.next().await.transpose() }).await
}

async fn plain(remote: &impl Remote, body: Body, bounds: FetchBounds) -> Result<CutText, FetchError> {
    let mut kept = HeadTail::new(bounds.bytes_max);
    let (head, tail) = shares(bounds.bytes_max);
    let mut room = bounds.fetch_bytes_max;
    let too_long = body.size.filter(|size| *size > bounds.bytes_max as u64 && body.ranges);
    let rest = if let Some(size) = too_long {
        let mut head = head as u64;
        keep(body.chunks, &mut head, bounds.deadline, &mut kept).await?;
        kept.skip(size - bounds.bytes_max as u64);
        Some(size - tail as u64)
    } else {
        let ended = keep(body.chunks, &mut room, bounds.deadline, &mut kept).await?;
        if !ended {
            kept.end_early();
        }
        body.until.filter(|_| ended)
    };
    if let Some(from) = rest {
        let ended = match before(bounds.deadline, remote.open(from)).await {
            Ok(rest) => keep(rest.chunks, &mut room, bounds.deadline, &mut kept).await?,
            Err(error) => {
                tracing::debug!(%error, "the rest of a log could not be had");
                false
            }
        };
        if !ended {
            kept.end_early();
        }
    }
    Ok(kept.finish())
}

/// Keeps up to `room` bytes, and takes them off it. `Ok(true)`: the stream ended by itself. Fails only when nothing
/// arrived at all.
async fn keep(mut chunks: Chunks, room: &mut u64, deadline: Instant, kept: &mut HeadTail) -> Result<bool, FetchError> {
    loop {
        match next(&mut chunks, deadline).await {
            Ok(Some(chunk)) => {
                let taken = chunk.len().min(usize::try_from(*room).unwrap_or(usize::MAX));
                kept.write(chunk.get(..taken).unwrap_or_default());
                *room -= taken as u64;
                if *room == 0 {
                    return Ok(false);
                }
            }
            Ok(None) => return Ok(true),
            Err(error) if kept.is_empty() => return Err(error),
            Err(error) => {
                tracing::debug!(%error, "a log ended early");
                return Ok(false);
            }
        }
    }
}

async fn unpack(remote: &impl Remote, body: Body, bounds: FetchBounds) -> Result<CutText, FetchError> {
    let (sender, arriving) = arriving::channel();
    let unpacking = tokio::task::spawn_blocking(move || {
        let mut kept = HeadTail::new(bounds.bytes_max);
        unpack_into(arriving, bounds.unpack, bounds.deadline, &mut kept).map(|()| kept.finish())
    });
    // The sender goes with this block, so that the decoder finds the end.
    let (mut room, until) = (bounds.fetch_bytes_max, body.until);
    let sending = async move {
        let mut whole = sender.send_all(body.chunks, &mut room, bounds.deadline).await;
        if let Some(until) = until.filter(|_| whole) {
            whole = match before(bounds.deadline, remote.open(until)).await {
                Ok(rest) => sender.send_all(rest.chunks, &mut room, bounds.deadline).await,
                Err(_) => false,
            };
        }
        whole
    };
    let (whole, unpacked) = tokio::join!(sending, unpacking);
    let mut text = unpacked.map_err(|panic| FetchError::Unpack(panic.to_string()))??;
    text.whole &= whole;
    Ok(text)
}

/// Unpacks as much as the bounds let; fails only when nothing could be unpacked. Blocks.
pub fn unpack_into(
    packed: impl std::io::Read,
    limits: UnpackLimits,
    deadline: Instant,
    kept: &mut HeadTail,
) -> Result<(), FetchError> {
    let mut reader = Unpacked::new(packed, limits).map_err(|error| FetchError::Unpack(error.to_string()))?;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match reader.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => kept.write(chunk.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) if kept.is_empty() => return Err(FetchError::Unpack(error.to_string())),
            Err(error) => {
                tracing::debug!(%error, "a compressed log ended early");
                kept.end_early();
                break;
            }
        }
        if Instant::now() >= deadline {
            kept.end_early();
            break;
        }
    }
    if reader.stopped() {
        kept.end_early();
    }
    Ok(())
}
