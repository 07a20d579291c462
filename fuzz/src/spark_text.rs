//! What people write for Spark: sizes, properties, `spark-submit` command lines, whole configurations.

use std::collections::BTreeMap;

use paramedic_domain::Configuration;
use paramedic_spark::{
    Master, MemoryModel,
    command_line::{CommandLine, parse_properties},
    memory::KEYS,
    size::{SizeUnit, capture_bytes, format_bytes, parse_bytes, parse_loose, parse_value},
};

use crate::input;

/// Most words and entries that are looked at one by one.
const WORDS_MAX: usize = 64;
/// Whole numbers up to here are exact as floating point numbers; no machine has as much memory.
const EXACT_BYTES_MAX: u64 = 1 << 50;

/// Reads a command line and, after the first line of dashes, a properties file. Sizes are read back as they were
/// written; changing a command line changes what was asked for and nothing else; a memory model's parts lie within
/// their whole.
pub fn spark_text(data: &[u8]) {
    let text = input::text(data);
    let mut parts = input::parts(&text);
    let command = parts.next().unwrap_or_default();
    let properties = parts.next().unwrap_or(command);
    let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    let config = parse_properties(properties);
    words.iter().chain(config.values()).take(WORDS_MAX).for_each(|word| size(word));
    command_line(&words, &config, properties);
    memory(&config);
    for value in config.values().take(WORDS_MAX) {
        let cores = Master::parse(value).limits().executor_cores;
        assert!(cores.is_none() || value.trim().starts_with("local-cluster"), "{value}");
    }
}

fn size(word: &str) {
    if let Ok(bytes) = parse_bytes(word, SizeUnit::Byte) {
        assert!(i64::try_from(bytes).is_ok());
        for key in ["spark.executor.memory", "spark.driver.maxResultSize", "spark.kryoserializer.buffer"] {
            assert_eq!(parse_value(key, &format_bytes(bytes)), Ok(bytes), "{key}: {word}");
        }
        if bytes < EXACT_BYTES_MAX {
            assert_eq!(parse_loose(word), Some(bytes), "what Spark takes is read in a log too: {word}");
        }
    }
    assert!(parse_loose(word).is_none_or(|bytes| i64::try_from(bytes).is_ok()), "{word}");
    // Of a capture that names its unit the callers themselves refuse what is negative or infinite.
    let bytes = capture_bytes("limit_size", word);
    assert!(bytes.is_none_or(|bytes| bytes.is_finite() && bytes >= 0.0), "{word}: {bytes:?}");
}

fn command_line(words: &[String], config: &Configuration, properties: &str) {
    let line = CommandLine::parse(words);
    assert_eq!(line.words(), words);
    assert_eq!(line.with_changes(&BTreeMap::new()), words, "no change leaves every word");
    let effective = line.effective_configuration(Some(properties), Some(properties));
    assert!(effective.keys().all(|key| key.starts_with("spark.")));
    let _ = (line.application_name(), line.primary_resource(), line.runs_application());
    if line.spark_submit().is_none() {
        return;
    }
    // A key with `=` cannot be written on a command line. Another master makes spark-submit drop other options, and no
    // patch may set it.
    let may_change = |key: &str| key.starts_with("spark.") && !key.contains('=') && key != "spark.master";
    let entries = config.iter().filter(|(key, _)| may_change(key)).take(WORDS_MAX);
    // An empty value stands for taking the key away.
    let change =
        |(key, value): (&String, &String)| (key.clone(), Some(value.clone()).filter(|value| !value.is_empty()));
    let changes: BTreeMap<_, _> = entries.map(change).collect();
    let changed = CommandLine::parse(&line.with_changes(&changes));
    assert_eq!(changed.with_changes(&changes), changed.words(), "a change made again changes nothing");
    let (before, after) = (line.effective_configuration(None, None), changed.effective_configuration(None, None));
    for (key, value) in &changes {
        assert_eq!(after.get(key), value.as_ref(), "{key} of {words:?}");
    }
    let others = |config: &Configuration| -> Vec<_> {
        let others = config.iter().filter(|(key, _)| !changes.contains_key(*key));
        others.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    assert_eq!(others(&before), others(&after), "other keys stay: {words:?}");
    assert_eq!(line.primary_resource(), changed.primary_resource());
}

fn memory(config: &Configuration) {
    let model = MemoryModel::of(config);
    let read = config.iter().filter(|(key, _)| KEYS.contains(&key.as_str()));
    assert_eq!(model, MemoryModel::of(&read.map(|(key, value)| (key.clone(), value.clone())).collect()));
    let Ok(model) = model else { return };
    assert!(model.task_slots >= 1 && model.executor_cores >= 1 && model.task_cpus >= 1 && model.executors >= 1);
    assert!(model.container >= model.executor_heap.max(model.executor_overhead).max(model.executor_pyspark));
    let factor = config.get("spark.executor.memoryOverheadFactor").and_then(|text| text.trim().parse::<f64>().ok());
    let given = config.keys().any(|key| key.ends_with("executor.memoryOverhead"));
    assert!(
        given
            || model.local
            || factor.is_none_or(|factor| factor < 1.0)
            || model.executor_overhead >= model.executor_heap
    );
    assert!(model.driver_container >= model.driver_heap.max(model.driver_overhead));
    assert!(model.execution_per_task_min <= model.execution_per_task_max);
    assert!(model.execution_per_task_max <= model.unified);
    assert!((0.0..=1.0).contains(&model.memory_fraction) && (0.0..=1.0).contains(&model.storage_fraction));
    if model.executor_heap < EXACT_BYTES_MAX {
        assert!(model.unified <= model.executor_heap && model.storage <= model.unified, "{model:?}");
        assert!(model.unified + model.user_memory <= model.executor_heap, "{model:?}");
    }
}
