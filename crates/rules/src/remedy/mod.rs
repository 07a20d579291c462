//! Remedies: configuration values computed from what a log states. `spark.rpc.message.maxSize: 'required_bytes / 1m + 8'`
//! heals without a model.

mod expression;
mod parse;

use std::collections::BTreeMap;

use paramedic_domain::Configuration;
use paramedic_spark::{defaults, size};

use expression::{Expression, Kind, Quantity};

/// The compiled remedy of one rule.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remedy(Vec<(String, Expression)>);

impl Remedy {
    /// Compiles one key's expression into the remedy. `captures` are the names of the rule's groups.
    ///
    /// # Errors
    /// What is wrong with the expression, and how to mend it.
    pub(crate) fn compile(&mut self, key: &str, text: &str, captures: &[&str]) -> Result<(), String> {
        if !key.starts_with("spark.") {
            return Err(format!("`{key}` is no Spark key: write one that starts with `spark.`"));
        }
        if defaults::default_of(key).is_none() {
            return Err(format!(
                "the default of `{key}` is not known, so that a remedy could lower it; leave it to the recommender"
            ));
        }
        let expression = parse::parse(text)?;
        let kind = expression.kind(captures)?;
        if kind != kind_of(key) {
            return Err(match kind {
                Kind::Size => format!("`{key}` takes a number, and this is a size: divide it by one, such as `/ 1m`"),
                Kind::Number => format!("`{key}` takes a size, and this is a number: write a unit, such as `64m`"),
            });
        }
        self.0.push((key.to_owned(), expression));
        Ok(())
    }

    /// The values that the captures ask for, of the keys that they raise. Empty where a capture that is needed is
    /// missing or no number, or where everything is as large already: then the log states nothing that would heal.
    pub(crate) fn values(&self, captures: &BTreeMap<String, String>, config: &Configuration) -> Configuration {
        let mut values = Configuration::default();
        for (key, expression) in &self.0 {
            let Some(wanted) = expression.evaluate(captures, config) else { return Configuration::default() };
            let current = defaults::value_of(config, key).and_then(|text| quantity_of(key, text));
            let Some(text) = written(wanted) else { return Configuration::default() };
            let raised = quantity_of(key, &text);
            if raised.zip(current).is_some_and(|(raised, current)| raised.value > current.value) {
                values.insert(key.clone(), text);
            }
        }
        values
    }
}

fn kind_of(key: &str) -> Kind {
    if size::unit_of(key).is_some() { Kind::Size } else { Kind::Number }
}

/// What `text` means as a value of `key`.
fn quantity_of(key: &str, text: &str) -> Option<Quantity> {
    match kind_of(key) {
        Kind::Size => size::parse_value(key, text).ok().map(|bytes| Quantity::size(bytes as f64)),
        Kind::Number => text.trim().parse().ok().map(Quantity::number),
    }
}

/// A value as Spark reads it, rounded up to whole MiB or a whole number.
fn written(quantity: Quantity) -> Option<String> {
    const MEBIBYTE: f64 = 1_048_576.0;
    let value = quantity.value;
    if !(value.is_finite() && value > 0.0 && value < i64::MAX as f64) {
        return None;
    }
    Some(match quantity.kind {
        Kind::Size => size::format_mebibytes((value / MEBIBYTE).ceil() as u64),
        Kind::Number => (value.ceil() as u64).to_string(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(key: &str, text: &str, captures: &[(&str, &str)], config: &[(&str, &str)]) -> Vec<String> {
        let names: Vec<_> = captures.iter().map(|(name, _)| *name).collect();
        let mut remedy = Remedy::default();
        remedy.compile(key, text, &names).unwrap();
        let captures = captures.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let config = config.iter().copied().collect();
        remedy.values(&captures, &config).0.into_values().collect()
    }

    fn refused(key: &str, text: &str) -> String {
        Remedy::default().compile(key, text, &["required_bytes", "tasks"]).unwrap_err()
    }

    #[test]
    fn a_value_is_computed_from_what_the_log_states() {
        let result = "spark.driver.maxResultSize";
        let captures = [("required_size", "1040.3 MiB"), ("limit_size", "1024.0 MiB")];
        assert_eq!(values(result, "max(2 * required_size, 4 * limit_size)", &captures, &[]), ["4g"]);
        let message = "spark.rpc.message.maxSize";
        let captures = [("required_bytes", "163840182")];
        assert_eq!(values(message, "ceil(required_bytes / 1m, 8) + 8", &captures, &[]), ["168"]);
    }

    #[test]
    fn the_value_now_is_named_by_its_key() {
        let buffer = "spark.kryoserializer.buffer.max";
        let text = "min(2 * spark.kryoserializer.buffer.max + required_bytes, 2047m)";
        let captures = [("required_bytes", "9482731")];
        assert_eq!(values(buffer, text, &captures, &[]), ["138m"]);
        assert_eq!(values(buffer, text, &captures, &[(buffer, "1500m")]), ["2047m"]);
    }

    #[test]
    fn a_remedy_only_raises() {
        let captures = [("required_bytes", "1048576")];
        let memory = "spark.driver.memory";
        assert!(values(memory, "512m + required_bytes", &captures, &[]).is_empty(), "the default is 1g");
        assert!(values(memory, "512m + required_bytes", &captures, &[(memory, "2g")]).is_empty());
        assert_eq!(values(memory, "512m + required_bytes", &captures, &[(memory, "512m")]), ["513m"]);
    }

    #[test]
    fn what_a_log_states_badly_heals_nothing() {
        for text in ["", "many", "-5", "1e999", "NaN"] {
            let found = values("spark.driver.memory", "required_bytes * 2", &[("required_bytes", text)], &[]);
            assert!(found.is_empty(), "{text}: {found:?}");
        }
        assert!(values("spark.rpc.message.maxSize", "1000 / tasks", &[("tasks", "0")], &[]).is_empty());
    }

    #[test]
    fn a_mistake_is_told_with_its_mend() {
        let memory = "spark.driver.memory";
        for (key, text, told) in [
            ("driver.memory", "1g", "starts with `spark.`"),
            ("spark.executor.cores", "4", "the default of `spark.executor.cores` is not known"),
            (memory, "required_byte * 2", "no group `required_byte`"),
            (memory, "tasks * 2", "takes a size"),
            ("spark.rpc.message.maxSize", "required_bytes", "takes a number"),
            (memory, "required_bytes + 2", "a size and a number"),
            (memory, "required_bytes * 1m", "two sizes"),
            (memory, "(required_bytes", "at character 16"),
            (memory, "required_bytes 2", "at character 16"),
            (memory, "root(required_bytes)", "`root` is none of"),
            (memory, "", "is empty"),
        ] {
            let error = refused(key, text);
            assert!(error.contains(told), "{text}: {error}");
        }
        assert!(refused(memory, &format!("{}1g", "(".repeat(5000))).contains("longer than"));
        assert!(refused(memory, &format!("{}1g", "(".repeat(100))).contains("nested"));
    }

    proptest! {
        #[test]
        fn any_text_is_compiled_or_refused(text in "[ -~]{0,80}") {
            let _ = Remedy::default().compile("spark.driver.memory", &text, &["required_bytes"]);
        }

        #[test]
        fn whatever_is_captured_a_value_is_one_that_spark_reads(captured in "[0-9.,]{0,20}") {
            let text = "max(required_bytes * 2, 1g) / 3";
            for value in values("spark.driver.memory", text, &[("required_bytes", &captured)], &[("spark.driver.memory", "1m")]) {
                prop_assert!(size::parse_value("spark.driver.memory", &value).is_ok(), "{value}");
            }
        }
    }
}
