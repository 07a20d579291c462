//! The stream that Spark's `snappy` codec writes (snappy-java's `SnappyOutputStream`): a head, then blocks of a length and
//! raw Snappy.
//!
//! The head is [`MAGIC`] and two versions; lengths are big endian. Where a length would stand, another stream's head may
//! follow.

use std::io::{self, Read};

use crate::lz4_block::fill;

/// What a stream begins with.
pub(crate) const MAGIC: &[u8; 8] = b"\x82SNAPPY\0";
/// The rest of a head, behind as many bytes as a length has.
const HEAD_REST_BYTES: usize = 12;
/// Largest block, packed or not, in bytes. Spark's default is 32 KiB; snappy-java's limit is 512 MiB.
const BLOCK_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Reads such a stream.
pub(crate) struct SnappyBlockReader<R> {
    reader: R,
    packed: Vec<u8>,
    block: Vec<u8>,
    given: usize,
}

impl<R: Read> SnappyBlockReader<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, packed: Vec::new(), block: Vec::new(), given: 0 }
    }

    /// Reads the next block that is not empty. `false`: there is none.
    fn next_block(&mut self) -> io::Result<bool> {
        loop {
            let mut length = [0; 4];
            if !fill(&mut self.reader, &mut length)? {
                return Ok(false);
            }
            if MAGIC.starts_with(&length) {
                self.reader.read_exact(&mut [0; HEAD_REST_BYTES])?;
                continue;
            }
            let length = u32::from_be_bytes(length) as usize;
            if length > BLOCK_BYTES_MAX {
                return Err(wrong("a block is too large"));
            }
            self.packed.resize(length, 0);
            self.reader.read_exact(&mut self.packed)?;
            if self.unpack()? {
                return Ok(true);
            }
        }
    }

    /// Unpacks what was read. `false`: it is empty.
    fn unpack(&mut self) -> io::Result<bool> {
        let broken = |error: snap::Error| wrong(&format!("a block cannot be unpacked: {error}"));
        let length = snap::raw::decompress_len(&self.packed).map_err(broken)?;
        if length > BLOCK_BYTES_MAX {
            return Err(wrong("a block is too large"));
        }
        self.block.resize(length, 0);
        snap::raw::Decoder::new().decompress(&self.packed, &mut self.block).map_err(broken)?;
        self.given = 0;
        Ok(length > 0)
    }
}

impl<R: Read> Read for SnappyBlockReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.block.len() && !self.next_block()? {
            return Ok(0);
        }
        let mut rest = self.block.get(self.given..).unwrap_or_default();
        let read = rest.read(buffer)?;
        self.given += read;
        Ok(read)
    }
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("this Snappy stream is wrong: {what}"))
}
