//! What kind of value a key takes, and how two values compare.

use paramedic_domain::Bound;
use paramedic_spark::size::{SizeError, SizeUnit, parse_bytes};

/// Keys whose values are sizes whatever the policy says, with the unit of a bare number (Spark's configuration guide).
const SIZE_KEYS: &[(&str, SizeUnit)] = &[
    ("spark.driver.maxResultSize", SizeUnit::Byte),
    ("spark.driver.memory", SizeUnit::Mebibyte),
    ("spark.driver.memoryOverhead", SizeUnit::Mebibyte),
    ("spark.executor.memory", SizeUnit::Mebibyte),
    ("spark.executor.memoryOverhead", SizeUnit::Mebibyte),
    ("spark.executor.pyspark.memory", SizeUnit::Mebibyte),
    ("spark.kryoserializer.buffer", SizeUnit::Kibibyte),
    ("spark.kryoserializer.buffer.max", SizeUnit::Mebibyte),
    ("spark.memory.offHeap.size", SizeUnit::Byte),
    ("spark.sql.autoBroadcastJoinThreshold", SizeUnit::Byte),
];

/// How a key's values are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A Spark size; `signed` where the policy's least value is negative (`-1` switches a threshold off).
    Size { unit: SizeUnit, signed: bool },
    /// A whole number: neither bound has a fraction.
    Whole,
    /// Any number.
    Number,
    /// Anything.
    Text,
}

impl Kind {
    /// The kind of `key` under its bound, if it has one.
    pub(crate) fn of(key: &str, bound: Option<&Bound>) -> Self {
        let ends = || bound.into_iter().flat_map(|bound| [&bound.min, &bound.max]).flatten();
        let signed = ends().any(|end| end.trim_start().starts_with('-'));
        if let Some((_, unit)) = SIZE_KEYS.iter().find(|(name, _)| *name == key) {
            return Self::Size { unit: *unit, signed };
        }
        if ends().next().is_none() {
            return Self::Text;
        }
        if ends().any(|end| number(end).is_none()) {
            return Self::Size { unit: SizeUnit::Byte, signed };
        }
        if ends().all(|end| end.trim().parse::<i64>().is_ok()) { Self::Whole } else { Self::Number }
    }

    /// The value as a number to compare by: bytes for sizes (exact up to 8 PiB). [`Kind::Text`] has none.
    pub(crate) fn parse(self, text: &str) -> Result<Option<f64>, String> {
        match self {
            Self::Text => Ok(None),
            Self::Size { unit, signed } => size(text, unit, signed).map(Some).map_err(|error| error.to_string()),
            Self::Whole => match text.trim().parse::<i64>() {
                Ok(whole) => Ok(Some(whole as f64)),
                Err(_) => Err(format!("`{}` is no whole number", shown(text))),
            },
            Self::Number => match number(text) {
                Some(number) => Ok(Some(number)),
                None => Err(format!("`{}` is no number", shown(text))),
            },
        }
    }
}

fn size(text: &str, unit: SizeUnit, signed: bool) -> Result<f64, SizeError> {
    match text.trim().strip_prefix('-') {
        Some(rest) if signed => parse_bytes(rest, unit).map(|bytes| -(bytes as f64)),
        _ => parse_bytes(text, unit).map(|bytes| bytes as f64),
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}

/// A value for a message: cut to what a reader can take in.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(min: &str, max: &str) -> Bound {
        Bound { min: Some(min.to_owned()), max: Some(max.to_owned()) }
    }

    #[test]
    fn the_kind_follows_from_the_key_or_from_the_bound() {
        let size = |unit, signed| Kind::Size { unit, signed };
        for (key, bound, kind) in [
            ("spark.executor.memory", None, size(SizeUnit::Mebibyte, false)),
            ("spark.executor.memory", Some(bound("1", "2")), size(SizeUnit::Mebibyte, false)),
            ("spark.sql.autoBroadcastJoinThreshold", Some(bound("-1", "1g")), size(SizeUnit::Byte, true)),
            ("spark.reducer.maxSizeInFlight", Some(bound("1m", "96m")), size(SizeUnit::Byte, false)),
            ("spark.executor.cores", Some(bound("1", "32")), Kind::Whole),
            ("spark.memory.fraction", Some(bound("0.3", "1")), Kind::Number),
            ("spark.memory.offHeap.enabled", None, Kind::Text),
        ] {
            assert_eq!(Kind::of(key, bound.as_ref()), kind, "{key}");
        }
    }

    #[test]
    fn values_of_another_kind_are_refused_and_named() {
        let mebibytes = Kind::Size { unit: SizeUnit::Mebibyte, signed: false };
        assert_eq!(mebibytes.parse("1024"), Ok(Some(1_073_741_824.0)));
        for (kind, text) in [
            (mebibytes, "-1g"),
            (mebibytes, "1.5g"),
            (mebibytes, ""),
            (mebibytes, "99999999999999999999p"),
            (Kind::Whole, "1.5"),
            (Kind::Whole, "2g"),
            (Kind::Number, "NaN"),
            (Kind::Number, "inf"),
            (Kind::Number, "0,5"),
        ] {
            let error = kind.parse(text).unwrap_err();
            assert!(error.contains(text), "{error}");
        }
    }
}
