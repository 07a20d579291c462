//! The stream that Spark's `lz4` codec writes (lz4-java's `LZ4BlockOutputStream`): blocks, each with a head of its own.
//!
//! A head is `LZ4Block`, a token (method in its high half), the lengths packed and unpacked, and a checksum, all little
//! endian; a block of length 0 ends the stream, and another stream may follow. The checksum is not verified: what is
//! read are logs.

use std::io::{self, Read};

const MAGIC: &[u8; 8] = b"LZ4Block";
const HEAD_BYTES: usize = 21;
const METHOD_RAW: u8 = 0x10;
const METHOD_LZ4: u8 = 0x20;
/// Largest block that lz4-java writes, in bytes: 2^25.
const BLOCK_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Reads such a stream.
pub(crate) struct Lz4BlockReader<R> {
    reader: R,
    block: Vec<u8>,
    given: usize,
}

impl<R: Read> Lz4BlockReader<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, block: Vec::new(), given: 0 }
    }

    /// Reads the next block that is not empty. `false`: there is none.
    fn next_block(&mut self) -> io::Result<bool> {
        loop {
            let mut head = [0; HEAD_BYTES];
            if !fill(&mut self.reader, &mut head)? {
                return Ok(false);
            }
            let (method, packed, unpacked) = lengths(&head)?;
            if unpacked == 0 {
                continue;
            }
            let mut bytes = vec![0; packed];
            self.reader.read_exact(&mut bytes)?;
            self.block = match method {
                METHOD_RAW => bytes,
                METHOD_LZ4 => lz4_flex::block::decompress(&bytes, unpacked)
                    .map_err(|error| wrong(&format!("a block cannot be unpacked: {error}")))?,
                _ => return Err(wrong("a block is packed in an unknown way")),
            };
            self.given = 0;
            return Ok(true);
        }
    }
}

impl<R: Read> Read for Lz4BlockReader<R> {
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

fn lengths(head: &[u8; HEAD_BYTES]) -> io::Result<(u8, usize, usize)> {
    let (magic, rest) = head.split_at(MAGIC.len());
    let [token, p0, p1, p2, p3, u0, u1, u2, u3, ..] = rest else { return Err(wrong("a block has no head")) };
    let packed = u32::from_le_bytes([*p0, *p1, *p2, *p3]) as usize;
    let unpacked = u32::from_le_bytes([*u0, *u1, *u2, *u3]) as usize;
    if magic != MAGIC || packed > BLOCK_BYTES_MAX || unpacked > BLOCK_BYTES_MAX {
        return Err(wrong("a block has a wrong head"));
    }
    Ok((token & 0xf0, packed, unpacked))
}

/// Fills `buffer`. `false`: nothing was left.
pub(crate) fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    let mut start = [0];
    if reader.read(&mut start)? == 0 {
        return Ok(false);
    }
    let Some((first, rest)) = buffer.split_first_mut() else { return Ok(true) };
    *first = start[0];
    reader.read_exact(rest)?;
    Ok(true)
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("this LZ4 stream is wrong: {what}"))
}
