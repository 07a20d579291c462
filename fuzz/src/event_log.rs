//! Spark event logs: plain, cut anywhere, packed.

use std::{
    io::{BufRead, BufReader, Write as _},
    ops::RangeInclusive,
};

use paramedic_compression::{UnpackLimits, Unpacked};
use paramedic_domain::{EventLogSummary, TaskQuantiles};
use paramedic_spark::event_log::{self, EventLogLimits};

/// Words that a kept property's key never holds.
const SECRET_WORDS: [&str; 4] = ["secret", "password", "token", "credential"];
const SHARE: RangeInclusive<f64> = 0.0..=1.0;

/// Reads an event log. The same in pieces and packed as in one; what is kept stays within the limits.
pub fn event_log(data: &[u8]) {
    let limits = EventLogLimits {
        line_bytes_max: 3_000,
        total_bytes_max: 1 << 20,
        stages_max: 4,
        operators_max: 4,
        properties_max: 8,
    };
    let whole = read(data, limits);
    assert_eq!(whole, read(BufReader::with_capacity(7, data), limits), "in pieces");
    let packed = packed(data);
    let unpacked = Unpacked::new(packed.as_slice(), UnpackLimits::default()).expect("a slice can be read");
    assert_eq!(whole, read(BufReader::new(unpacked), limits), "packed");
    if let Some(summary) = &whole {
        assert_within(summary, limits);
    }
    // What is itself packed, as the history server's files are.
    if let Ok(unpacked) = Unpacked::new(data, UnpackLimits { bytes_max: 1 << 20, ratio_max: 500 })
        && let Some(summary) = read(BufReader::new(unpacked), limits)
    {
        assert_within(&summary, limits);
    }
    let half = EventLogLimits { total_bytes_max: data.len() as u64 / 2, ..limits };
    if let Some(summary) = read(data, half) {
        assert!(summary.incomplete, "what was cut says so");
    }
}

fn read(reader: impl BufRead, limits: EventLogLimits) -> Option<EventLogSummary> {
    event_log::read(reader, &limits).ok()
}

/// By one of the codecs, which the length chooses.
fn packed(data: &[u8]) -> Vec<u8> {
    match data.len() % 3 {
        0 => zstd::encode_all(data, 1).expect("zstd packs any bytes"),
        1 => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(data).and_then(|()| encoder.finish()).expect("gzip packs any bytes")
        }
        _ => {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
            encoder.write_all(data).expect("lz4 packs any bytes");
            encoder.finish().expect("lz4 packs any bytes")
        }
    }
}

fn assert_within(summary: &EventLogSummary, limits: EventLogLimits) {
    assert!(summary.stages.len() <= limits.stages_max);
    assert!(summary.plan_operators.len() <= limits.operators_max);
    assert!(summary.plan_operators.is_sorted_by(|one, next| one < next), "sorted, each once");
    assert!(summary.spark_properties.len() <= limits.properties_max, "{:?}", summary.spark_properties);
    for key in summary.spark_properties.keys() {
        let lower = key.to_ascii_lowercase();
        assert!(key.starts_with("spark.") && !SECRET_WORDS.iter().any(|word| lower.contains(word)), "{key}");
    }
    assert!(SHARE.contains(&summary.gc_time_share));
    for stage in &summary.stages {
        assert!(stage.duration_median_s >= 0.0 && stage.duration_skew >= 0.0 && stage.shuffle_read_skew >= 0.0);
        let quantiles = [stage.input_per_task, stage.shuffle_read_per_task, stage.spill_per_task];
        for TaskQuantiles { p50_bytes, p90_bytes, p99_bytes, max_bytes } in quantiles.into_iter().flatten() {
            assert!([p50_bytes, p90_bytes, p99_bytes, max_bytes].is_sorted(), "{stage:?}");
        }
    }
    let wire = serde_json::to_value(summary).expect("a summary can be sent");
    assert_eq!(serde_json::from_value::<EventLogSummary>(wire).ok().as_ref(), Some(summary), "and received");
}
