//! Spark's size strings, as `org.apache.spark.network.util.JavaUtils.byteStringAs` reads them.

/// The unit of a number that has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeUnit {
    /// Bytes.
    Byte,
    /// 2^10 bytes.
    Kibibyte,
    /// 2^20 bytes.
    Mebibyte,
    /// 2^30 bytes.
    Gibibyte,
}

impl SizeUnit {
    /// Bytes in one.
    pub const fn bytes(self) -> u64 {
        match self {
            Self::Byte => 1,
            Self::Kibibyte => 1 << 10,
            Self::Mebibyte => 1 << 20,
            Self::Gibibyte => 1 << 30,
        }
    }
}

/// Keys whose values are sizes, with the unit of a bare number: Spark's configuration guide, 4.1.
const KEY_UNITS: &[(&str, SizeUnit)] = &[
    ("spark.driver.maxResultSize", SizeUnit::Byte),
    ("spark.driver.memory", SizeUnit::Mebibyte),
    ("spark.driver.memoryOverhead", SizeUnit::Mebibyte),
    ("spark.driver.minMemoryOverhead", SizeUnit::Mebibyte),
    ("spark.executor.memory", SizeUnit::Mebibyte),
    ("spark.executor.memoryOverhead", SizeUnit::Mebibyte),
    ("spark.executor.minMemoryOverhead", SizeUnit::Mebibyte),
    ("spark.executor.pyspark.memory", SizeUnit::Mebibyte),
    ("spark.kryoserializer.buffer", SizeUnit::Kibibyte),
    ("spark.kryoserializer.buffer.max", SizeUnit::Mebibyte),
    ("spark.memory.offHeap.size", SizeUnit::Byte),
    ("spark.sql.autoBroadcastJoinThreshold", SizeUnit::Byte),
    ("spark.yarn.driver.memoryOverhead", SizeUnit::Mebibyte),
    ("spark.yarn.executor.memoryOverhead", SizeUnit::Mebibyte),
];

/// The unit of a bare number as the value of `key`; `None` where the key is not known to take a size.
pub fn unit_of(key: &str) -> Option<SizeUnit> {
    KEY_UNITS.iter().find(|(name, _)| *name == key).map(|(_, unit)| *unit)
}

/// Bytes of a value of `key`. A key that is not known to take a size is read in bytes.
pub fn parse_value(key: &str, text: &str) -> Result<u64, SizeError> {
    parse_bytes(text, unit_of(key).unwrap_or(SizeUnit::Byte))
}

/// Why a text is no size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// Not a number with a unit.
    #[error("`{0}` is no size: write a whole number and a unit (b, k, m, g, t, p), such as 1536m or 2g")]
    Malformed(String),
    /// Spark takes whole numbers only.
    #[error("`{0}` has a fraction, which Spark refuses: write 1.5g as 1536m")]
    Fraction(String),
    /// Below zero.
    #[error("`{0}` is negative: a size is 0 or more")]
    Negative(String),
    /// Beyond what Spark can hold.
    #[error("`{0}` is larger than any memory (2^63 bytes): check the unit")]
    TooLarge(String),
}

/// Bytes of a size string. `default_unit` is that of a bare number.
pub fn parse_bytes(text: &str, default_unit: SizeUnit) -> Result<u64, SizeError> {
    let trimmed = text.trim();
    let lower = trimmed.to_ascii_lowercase();
    let shown = || trimmed.chars().take(64).collect::<String>();
    if lower.starts_with('-') {
        return Err(SizeError::Negative(shown()));
    }
    let digits = lower.find(|c: char| !c.is_ascii_digit()).unwrap_or(lower.len());
    let (number, unit) = lower.split_at(digits);
    if unit.starts_with('.') {
        return Err(SizeError::Fraction(shown()));
    }
    let unit_bytes = match unit {
        "" => default_unit.bytes(),
        "b" => 1,
        "k" | "kb" => 1 << 10,
        "m" | "mb" => 1 << 20,
        "g" | "gb" => 1 << 30,
        "t" | "tb" => 1 << 40,
        "p" | "pb" => 1 << 50,
        _ => return Err(SizeError::Malformed(shown())),
    };
    if number.is_empty() {
        return Err(SizeError::Malformed(shown()));
    }
    let number: u64 = number.parse().map_err(|_| SizeError::TooLarge(shown()))?;
    number
        .checked_mul(unit_bytes)
        .filter(|bytes| *bytes <= i64::MAX.cast_unsigned())
        .ok_or_else(|| SizeError::TooLarge(shown()))
}

/// Bytes of a size as logs write it: `35.3 MiB`, `5.6 GB`, `600. MiB`, `512m`, `3805855`. Binary units throughout.
pub fn parse_loose(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ',')).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: f64 = number.replace(',', "").trim_end_matches('.').parse().ok()?;
    let unit = match unit.trim().to_ascii_lowercase().trim_end_matches("ytes").trim_end_matches("yte") {
        "" | "b" => 1.0,
        "k" | "kb" | "kib" => 1024.0,
        "m" | "mb" | "mib" => 1_048_576.0,
        "g" | "gb" | "gib" => 1_073_741_824.0,
        "t" | "tb" | "tib" => 1_099_511_627_776.0,
        "p" | "pb" | "pib" => 1_125_899_906_842_624.0,
        _ => return None,
    };
    let bytes = number * unit;
    (bytes.is_finite() && bytes < i64::MAX as f64).then_some(bytes as u64)
}

/// Is a capture of this name a size? Its name ends in its unit (`required_bytes`, `used_mib`) or in `_size`.
pub fn is_size_capture(name: &str) -> bool {
    capture_unit(name).is_some()
}

/// Bytes of a capture whose name tells that it is a size: `docs/vocabulary.md`.
pub fn capture_bytes(name: &str, text: &str) -> Option<f64> {
    match capture_unit(name)? {
        CaptureUnit::Written => parse_loose(text).map(|bytes| bytes as f64),
        CaptureUnit::Named(unit) => {
            let number: f64 = text.replace(',', "").parse().ok()?;
            Some(number * unit.bytes() as f64)
        }
    }
}

enum CaptureUnit {
    /// The text has its unit: `35.3 MiB`.
    Written,
    /// The capture's name tells it.
    Named(SizeUnit),
}

fn capture_unit(name: &str) -> Option<CaptureUnit> {
    let (_, unit) = name.rsplit_once('_')?;
    Some(match unit {
        "size" => CaptureUnit::Written,
        "bytes" => CaptureUnit::Named(SizeUnit::Byte),
        "kib" => CaptureUnit::Named(SizeUnit::Kibibyte),
        "mib" => CaptureUnit::Named(SizeUnit::Mebibyte),
        "gib" => CaptureUnit::Named(SizeUnit::Gibibyte),
        _ => return None,
    })
}

/// A size string of whole MiB: `1536m`, and `2g` where it is whole GiB.
pub fn format_mebibytes(mebibytes: u64) -> String {
    if mebibytes >= 1024 && mebibytes.is_multiple_of(1024) {
        format!("{}g", mebibytes / 1024)
    } else {
        format!("{mebibytes}m")
    }
}

/// A size string that any size key reads as these bytes: whole MiB as [`format_mebibytes`] writes them, else bytes (`1500b`).
pub fn format_bytes(bytes: u64) -> String {
    let mebibyte = SizeUnit::Mebibyte.bytes();
    if bytes.is_multiple_of(mebibyte) { format_mebibytes(bytes / mebibyte) } else { format!("{bytes}b") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sparks_own_examples() {
        let parse = |text| parse_bytes(text, SizeUnit::Mebibyte);
        assert_eq!(parse("512"), Ok(512 << 20));
        assert_eq!(parse("1g"), Ok(1 << 30));
        assert_eq!(parse("2GB"), Ok(2 << 30));
        assert_eq!(parse("471859200b"), Ok(471_859_200));
        assert!(matches!(parse("1.5g"), Err(SizeError::Fraction(_))));
        assert!(matches!(parse("-1g"), Err(SizeError::Negative(_))));
        assert!(matches!(parse("999999999t"), Err(SizeError::TooLarge(_))));
        assert!(matches!(parse("1x"), Err(SizeError::Malformed(_))));
        assert!(matches!(parse(""), Err(SizeError::Malformed(_))));
    }

    #[test]
    fn sizes_as_logs_write_them() {
        assert_eq!(parse_loose("35.3 MiB"), Some(37_014_732));
        assert_eq!(parse_loose("600. MiB"), Some(600 << 20));
        assert_eq!(parse_loose("3805855"), Some(3_805_855));
        assert_eq!(parse_loose("5.5 GB"), Some(5_905_580_032));
        assert_eq!(parse_loose("much"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(mebibytes in 0_u64..10_000_000) {
            prop_assert_eq!(parse_bytes(&format_mebibytes(mebibytes), SizeUnit::Byte), Ok(mebibytes << 20));
        }

        #[test]
        fn bytes_are_read_back_by_every_key(bytes in 0..=i64::MAX.cast_unsigned(), key in 0..KEY_UNITS.len()) {
            let (key, _) = KEY_UNITS[key];
            prop_assert_eq!(parse_value(key, &format_bytes(bytes)), Ok(bytes));
        }

        #[test]
        fn a_bare_number_is_in_the_keys_unit(number in 0_u64..1_000_000, key in 0..KEY_UNITS.len()) {
            let (key, unit) = KEY_UNITS[key];
            prop_assert_eq!(parse_value(key, &format!(" {number} ")), Ok(number * unit.bytes()));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = parse_bytes(&text, SizeUnit::Byte);
            let _ = parse_loose(&text);
        }
    }
}
