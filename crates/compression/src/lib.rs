//! Compressed logs: told by their first bytes, whatever their name, and unpacked as a stream within bounds.
//!
//! A decompression bomb ends at the bounds: what was unpacked until there is given, and [`Unpacked::stopped`] says that
//! more would have followed.

mod codec;
mod lz4_block;
mod metered;
mod snappy_block;

use std::io::{self, BufRead, BufReader, Cursor, Read};

pub use codec::{Codec, MAGIC_BYTES};
use lz4_block::Lz4BlockReader;
use metered::{Meter, Metered};
use snappy_block::SnappyBlockReader;

/// Read from the source at once, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;
/// Unpacked bytes up to which `ratio_max` is not asked for: a small log may well say the same line over and over.
const RATIO_FREE_BYTES: u64 = 16 * 1024 * 1024;
/// Largest window of a zstd frame, as a power of two: 64 MiB, as level 20 writes it.
const ZSTD_WINDOW_LOG_MAX: u32 = 26;

/// What bounds the unpacking of one log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnpackLimits {
    /// Most bytes that are unpacked.
    pub bytes_max: u64,
    /// Most bytes that are unpacked of one byte read, once over 16 MiB are unpacked. Logs reach 10 to 100; gzip can at
    /// most reach 1,032, zstd far more.
    pub ratio_max: u64,
}

impl Default for UnpackLimits {
    /// 2 GiB, and 500.
    fn default() -> Self {
        Self { bytes_max: 2 << 30, ratio_max: 500 }
    }
}

/// Reads a log: what it holds, unpacked where it is compressed.
///
/// An error of kind [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) says that it ends in the middle.
pub struct Unpacked<R: Read> {
    decoder: Decoder<Source<R>>,
    codec: Option<Codec>,
    meter: Meter,
    limits: UnpackLimits,
    given: u64,
    stopped: bool,
}

type Source<R> = BufReader<Metered<io::Chain<Cursor<Vec<u8>>, R>>>;

enum Decoder<R: BufRead> {
    Plain(R),
    Gzip(Box<flate2::bufread::MultiGzDecoder<R>>),
    Zstd(zstd::Decoder<'static, R>),
    Lz4(Box<lz4_flex::frame::FrameDecoder<R>>),
    Lz4Block(Lz4BlockReader<R>),
    Snappy(SnappyBlockReader<R>),
}

impl<R: Read> Unpacked<R> {
    /// Looks at the first bytes of `reader`, which is at the start of the log.
    pub fn new(mut reader: R, limits: UnpackLimits) -> io::Result<Self> {
        let mut start = Vec::with_capacity(MAGIC_BYTES);
        reader.by_ref().take(MAGIC_BYTES as u64).read_to_end(&mut start)?;
        let codec = Codec::of(&start);
        let meter = Meter::default();
        let source = Metered::new(Cursor::new(start).chain(reader), meter.clone());
        let source = BufReader::with_capacity(BUFFER_BYTES, source);
        Ok(Self { decoder: Decoder::new(codec, source)?, codec, meter, limits, given: 0, stopped: false })
    }

    /// How it is compressed; not at all: none.
    pub fn codec(&self) -> Option<Codec> {
        self.codec
    }

    /// A bound was reached before the end.
    pub fn stopped(&self) -> bool {
        self.stopped
    }

    /// How many more bytes may be given.
    fn room(&self) -> u64 {
        let room = self.limits.bytes_max.saturating_sub(self.given);
        if self.codec.is_none() {
            return room;
        }
        let by_ratio = self.meter.passed().saturating_mul(self.limits.ratio_max).max(RATIO_FREE_BYTES);
        // What is not even read yet may allow more: a decoder reads before it gives.
        room.min(by_ratio.saturating_add(BUFFER_BYTES as u64).saturating_sub(self.given))
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stopped || buffer.is_empty() {
            return Ok(0);
        }
        let room = usize::try_from(self.room()).unwrap_or(usize::MAX).min(buffer.len());
        if room == 0 {
            // The end of the log may lie exactly at the bound.
            self.stopped = self.decoder.read(&mut [0])? > 0;
            return Ok(0);
        }
        let read = self.decoder.read(buffer.get_mut(..room).unwrap_or_default())?;
        self.given += read as u64;
        Ok(read)
    }
}

impl<R: BufRead> Decoder<R> {
    fn new(codec: Option<Codec>, source: R) -> io::Result<Self> {
        Ok(match codec {
            None => Self::Plain(source),
            Some(Codec::Gzip) => Self::Gzip(Box::new(flate2::bufread::MultiGzDecoder::new(source))),
            Some(Codec::Zstd) => {
                let mut decoder = zstd::Decoder::with_buffer(source)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Self::Zstd(decoder)
            }
            Some(Codec::Lz4) => Self::Lz4(Box::new(lz4_flex::frame::FrameDecoder::new(source))),
            Some(Codec::Lz4Block) => Self::Lz4Block(Lz4BlockReader::new(source)),
            Some(Codec::Snappy) => Self::Snappy(SnappyBlockReader::new(source)),
        })
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(reader) => reader.read(buffer),
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Zstd(decoder) => decoder.read(buffer),
            // It ends at the end of each frame; only the end of the last is followed by nothing.
            Self::Lz4(decoder) => loop {
                let read = decoder.read(buffer)?;
                if read > 0 || decoder.get_mut().fill_buf()?.is_empty() {
                    return Ok(read);
                }
            },
            Self::Lz4Block(reader) => reader.read(buffer),
            Self::Snappy(reader) => reader.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests;
