use std::io::Write as _;

use proptest::prelude::*;

use super::*;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 1).unwrap()
}

fn lz4(text: &[u8]) -> Vec<u8> {
    let mut info = lz4_flex::frame::FrameInfo::new();
    info.block_size = lz4_flex::frame::BlockSize::Max64KB;
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// As lz4-java lays it out: a raw block, a packed one, and the empty block at the end.
fn lz4_block(text: &[u8]) -> Vec<u8> {
    let (raw, packed) = text.split_at(text.len() / 2);
    let mut stream = Vec::new();
    for (method, bytes, unpacked) in [
        (0x16_u8, raw.to_vec(), raw.len()),
        (0x26, lz4_flex::block::compress(packed), packed.len()),
        (0x16, Vec::new(), 0),
    ] {
        if unpacked == 0 && method == 0x26 {
            continue;
        }
        stream.extend_from_slice(b"LZ4Block");
        stream.push(method);
        stream.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        stream.extend_from_slice(&(unpacked as u32).to_le_bytes());
        stream.extend_from_slice(&[0; 4]);
        stream.extend_from_slice(&bytes);
    }
    stream
}

/// As snappy-java lays it out, with Spark's blocks of 32 KiB.
fn snappy(text: &[u8]) -> Vec<u8> {
    let mut stream = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
    for block in text.chunks(32 << 10) {
        let packed = snap::raw::Encoder::new().compress_vec(block).unwrap();
        stream.extend_from_slice(&(packed.len() as u32).to_be_bytes());
        stream.extend_from_slice(&packed);
    }
    stream
}

type Pack = fn(&[u8]) -> Vec<u8>;
const CODECS: [(Codec, Pack); 5] = [
    (Codec::Gzip, gzip),
    (Codec::Zstd, zstd),
    (Codec::Lz4, lz4),
    (Codec::Lz4Block, lz4_block),
    (Codec::Snappy, snappy),
];

fn unpack(packed: &[u8], limits: UnpackLimits) -> io::Result<(Vec<u8>, bool)> {
    let mut reader = Unpacked::new(packed, limits)?;
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes)?;
    Ok((bytes, reader.stopped()))
}

fn limits(bytes_max: u64) -> UnpackLimits {
    UnpackLimits { bytes_max, ..UnpackLimits::default() }
}

#[test]
fn what_is_not_compressed_stays_as_it_is() {
    for text in ["", "x", "INFO a line\n", "LZ4Bloc"] {
        assert_eq!(unpack(text.as_bytes(), UnpackLimits::default()).unwrap(), (text.as_bytes().to_vec(), false));
    }
}

#[test]
fn files_of_several_members_are_read_whole() {
    for (codec, pack) in CODECS {
        let packed = [pack(b"first\n"), pack(b"second\n"), pack(b""), pack(b"third\n")].concat();
        assert_eq!(Codec::of(&packed), Some(codec));
        let (bytes, stopped) = unpack(&packed, UnpackLimits::default()).unwrap();
        assert_eq!((bytes.as_slice(), stopped), (b"first\nsecond\nthird\n".as_slice(), false), "{codec:?}");
    }
}

#[test]
fn a_bomb_ends_at_the_bound_of_bytes() {
    let text = b"INFO nothing happens here\n".repeat(100_000);
    for (codec, pack) in CODECS {
        let packed = pack(&text);
        let (bytes, stopped) = unpack(&packed, limits(100_000)).unwrap();
        assert_eq!((bytes.as_slice(), stopped), (&text[..100_000], true), "{codec:?}");
        let (bytes, stopped) = unpack(&packed, limits(text.len() as u64)).unwrap();
        assert_eq!((bytes.len(), stopped), (text.len(), false), "{codec:?} at the bound exactly");
    }
}

#[test]
fn a_bomb_ends_at_the_bound_of_the_ratio() {
    // 256 MiB of nothing in some hundred bytes: unpacked to its end only where no ratio is set.
    let packed = zstd(&vec![0; 256 << 20]);
    assert!(packed.len() < 64 * 1024);
    let (bytes, stopped) = unpack(&packed, UnpackLimits { bytes_max: u64::MAX, ratio_max: 500 }).unwrap();
    assert!(stopped && bytes.len() < 64 << 20, "{}", bytes.len());
    let whole = unpack(&packed, UnpackLimits { bytes_max: u64::MAX, ratio_max: u64::MAX }).unwrap();
    assert_eq!((whole.0.len(), whole.1), (256 << 20, false));
}

#[test]
fn what_ends_in_the_middle_says_so_and_gives_what_there_is() {
    let text: Vec<u8> =
        (0..20_000_u32).flat_map(|n| format!("line {}\n", n.wrapping_mul(2_654_435_761)).into_bytes()).collect();
    for (codec, pack) in CODECS {
        let packed = pack(&text);
        let mut reader = Unpacked::new(&packed[..packed.len() * 9 / 10], UnpackLimits::default()).unwrap();
        let mut bytes = Vec::new();
        let error = reader.read_to_end(&mut bytes).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{codec:?}: {error}");
        assert!(!bytes.is_empty() && text.starts_with(&bytes), "{codec:?}");
    }
}

proptest! {
    #[test]
    fn every_codec_gives_back_what_was_packed(text in prop::collection::vec(any::<u8>(), 0..5_000)) {
        for (codec, pack) in CODECS {
            let packed = pack(&text);
            let unpacked = unpack(&packed, UnpackLimits::default()).unwrap();
            prop_assert_eq!(&unpacked, &(text.clone(), false), "{:?}", codec);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(codec in 0..CODECS.len(), noise in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut packed = CODECS[codec].1(b"some text that is packed");
        packed.truncate(packed.len().min(12));
        packed.extend(noise);
        let _ = unpack(&packed, limits(1 << 20));
    }
}
