//! What arrives from a network, as a reader on a thread that may block.

use std::io::{self, Read};

use bytes::Bytes;
use futures::StreamExt;
use tokio::{sync::mpsc, time::Instant};

use crate::{before, stream::Chunks};

/// Chunks on their way from the network to the reader.
const CHUNKS_MAX: usize = 16;

/// Both ends: what is sent to one is read from the other.
pub fn channel() -> (Sender, Arriving) {
    let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
    (Sender(sender), Arriving { receiver, current: io::Cursor::default() })
}

/// Where the chunks go in. When it is dropped, the reader is at its end.
pub struct Sender(mpsc::Sender<Bytes>);

impl Sender {
    /// Sends what arrives until the deadline, up to `room` bytes, which are taken off it. `false`: more would have
    /// followed. When the reader has what it wants the rest is not fetched.
    pub async fn send_all(&self, mut chunks: Chunks, room: &mut u64, deadline: Instant) -> bool {
        loop {
            let chunk = match before(deadline, async { chunks.next().await.transpose() }).await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return true,
                Err(error) => {
                    tracing::debug!(%error, "a log ended early");
                    return false;
                }
            };
            let length = chunk.len() as u64;
            if length > *room || self.0.send(chunk).await.is_err() {
                return false;
            }
            *room -= length;
        }
    }
}

/// The reader.
pub struct Arriving {
    receiver: mpsc::Receiver<Bytes>,
    current: io::Cursor<Bytes>,
}

impl Read for Arriving {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.current.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            match self.receiver.blocking_recv() {
                Some(chunk) => self.current = io::Cursor::new(chunk),
                None => return Ok(0),
            }
        }
    }
}
