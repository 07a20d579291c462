//! What of a rule can be guessed by its template. An author has the last word.

use paramedic_domain::{Category, LogKind};

use super::pattern::words;
use crate::root::exception_name;

/// Exceptions that tell nothing by their name.
const GENERIC: [&str; 14] = [
    "Exception",
    "RuntimeException",
    "IllegalStateException",
    "IllegalArgumentException",
    "SparkException",
    "Error",
    "ValueError",
    "TypeError",
    "KeyError",
    "RuntimeError",
    "AttributeError",
    "IOException",
    "OSError",
    "NullPointerException",
];
const SIGNS: [(&str, Category); 21] = [
    ("OutOfMemory", Category::MemoryConfiguration),
    ("AccessDenied", Category::Permission),
    ("Access Denied", Category::Permission),
    ("AccessControlException", Category::Permission),
    ("Permission denied", Category::Permission),
    ("Forbidden", Category::Permission),
    ("not authorized", Category::Permission),
    ("ModuleNotFoundError", Category::Dependency),
    ("ImportError", Category::Dependency),
    ("ClassNotFound", Category::Dependency),
    ("NoClassDefFound", Category::Dependency),
    ("NoSuchMethodError", Category::Dependency),
    ("ConnectException", Category::Network),
    ("UnknownHost", Category::Network),
    ("Connection refused", Category::Network),
    ("Connection reset", Category::Network),
    ("SocketTimeout", Category::Network),
    ("AnalysisException", Category::UserSql),
    ("ParseException", Category::UserSql),
    ("SQLSTATE", Category::UserSql),
    ("No space left on device", Category::Storage),
];
const NAME_WORDS: usize = 3;
const NAME_CHARS_MAX: usize = 60;

/// The category and the word that told it.
pub(super) fn category(template: &str) -> (Category, Option<&'static str>) {
    let found = SIGNS.iter().find(|(sign, _)| template.contains(sign));
    found.map_or((Category::UserCode, None), |(sign, category)| (*category, Some(*sign)))
}

pub(super) const fn memory_side(log: LogKind) -> &'static str {
    match log {
        LogKind::ExecutorStdout | LogKind::ExecutorStderr => "executor_heap",
        _ => "driver_heap",
    }
}

pub(super) fn source(template: &str) -> &'static str {
    let class = exception_name(template).unwrap_or_default();
    match class {
        _ if class.starts_with("org.apache.spark") => "spark",
        _ if class.starts_with("org.apache.hadoop.hive") || class.starts_with("org.apache.hive") => "hive",
        _ if class.starts_with("org.apache.hadoop") || class.contains("amazonaws") => "storage",
        _ if class.starts_with("java.") => "jvm",
        _ if !class.contains('.') && class.ends_with("Error") => "python",
        _ => "application",
    }
}

/// By the exception's own name; where that tells nothing, with the first words of what it says.
pub(super) fn name(template: &str, taken: &[String]) -> String {
    let class = exception_name(template).unwrap_or_default();
    let simple = class.rsplit(['.', '$']).next().unwrap_or(class);
    let own = simple.strip_suffix("Exception").or_else(|| simple.strip_suffix("Error")).unwrap_or(simple);
    let mut name: String = own.chars().filter(char::is_ascii_alphanumeric).collect();
    if own.is_empty() || GENERIC.contains(&simple) {
        let said = words(&template[class.len()..]).filter(|word| word.len() >= 4);
        said.take(NAME_WORDS).for_each(|word| name.push_str(&capitalized(word)));
    }
    let name = capitalized(&name[..name.len().min(NAME_CHARS_MAX)]);
    let name = camel_case(name);
    let numbered = (2..).map(|number| format!("{name}{number}"));
    std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or(name)
}

/// As rules are named: with a capital first, and not only capitals and digits (`IO`).
fn camel_case(name: String) -> String {
    if !name.starts_with(|c: char| c.is_ascii_uppercase()) {
        return format!("Drafted{name}");
    }
    if name.contains(|c: char| c.is_ascii_lowercase()) { name } else { name + "Failure" }
}

pub(super) fn summary(hit: &str) -> String {
    format!("The job failed with: {hit}")
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
}
