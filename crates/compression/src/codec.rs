//! Ways in which logs are compressed.

use crate::snappy_block;

/// As many first bytes as tell every codec from plain text.
pub const MAGIC_BYTES: usize = 8;

/// How a log is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// gzip, of one member or of several.
    Gzip,
    /// Zstandard, of one frame or of several.
    Zstd,
    /// The LZ4 frame format, as the tool `lz4` writes it.
    Lz4,
    /// The stream of lz4-java's `LZ4BlockOutputStream`, as Spark writes it.
    Lz4Block,
    /// The stream of snappy-java's `SnappyOutputStream`, as Spark writes it.
    Snappy,
}

impl Codec {
    /// The codec of what starts with these bytes; none: it is not compressed, or in no way that is read here.
    pub fn of(start: &[u8]) -> Option<Self> {
        const MAGICS: [(&[u8], Codec); 5] = [
            (&[0x1f, 0x8b, 0x08], Codec::Gzip),
            (&[0x28, 0xb5, 0x2f, 0xfd], Codec::Zstd),
            (&[0x04, 0x22, 0x4d, 0x18], Codec::Lz4),
            (b"LZ4Block", Codec::Lz4Block),
            (snappy_block::MAGIC, Codec::Snappy),
        ];
        MAGICS.into_iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, codec)| codec)
    }
}
