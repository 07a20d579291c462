//! Words in a log that look like a failure and are none: JVM flags, launch commands, configuration dumps.

/// Is what starts at `offset` of `line` part of a flag, a launch command or a configuration dump?
pub(crate) fn is_noise(line: &str, offset: usize) -> bool {
    let Some(before) = line.get(..offset) else { return false };
    in_flag(before, &line[offset..]) || in_command(before) || in_configuration_dump(line, offset)
}

/// A token such as `-XX:OnOutOfMemoryError='kill %p'` or `-Dkey=value`.
fn in_flag(before: &str, hit: &str) -> bool {
    let token_start = before.rfind([' ', '\t', '"', '\'', ',']).map_or(0, |at| at + 1);
    let token = &before[token_start..];
    let is_flag = |text: &str| text.starts_with("-XX:") || text.starts_with("-D");
    is_flag(token) || (token.is_empty() && is_flag(hit))
}

fn in_command(before: &str) -> bool {
    const COMMANDS: &[&str] = &["Launch command: ", "launch command:", "bin/java ", "spark-submit --", "bin/tini "];
    COMMANDS.iter().any(|command| before.contains(command))
}

/// `spark.executor.extraJavaOptions=…`, as `spark.logConf` and `--verbose` print it.
fn in_configuration_dump(line: &str, offset: usize) -> bool {
    let trimmed = line.trim_start_matches([' ', '\t', '(', '|']);
    let key_end = trimmed.find(|c: char| !(c.is_ascii_alphanumeric() || ".-_".contains(c)));
    let Some(key_end) = key_end else { return false };
    let value_start = line.len() - trimmed.len() + key_end;
    trimmed.starts_with("spark.") && trimmed[key_end..].starts_with(['=', ',']) && offset > value_start
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(line: &str, word: &str) -> bool {
        is_noise(line, line.find(word).unwrap())
    }

    #[test]
    fn flags_commands_and_dumps_are_noise() {
        assert!(noise("java -server -XX:OnOutOfMemoryError='kill %p' Main", "OutOfMemoryError"));
        assert!(noise("ExecutorRunner: Launch command: \"java\" \"Main\" \"OutOfMemoryError\"", "OutOfMemoryError"));
        assert!(noise("spark.executor.extraJavaOptions=-verbose OutOfMemoryError", "OutOfMemoryError"));
    }

    #[test]
    fn an_error_is_no_noise() {
        assert!(!noise("java.lang.OutOfMemoryError: Java heap space", "OutOfMemoryError"));
        assert!(!noise("spark.driver.maxResultSize (32.0 MiB) exceeded", "exceeded"));
        assert!(!noise("ERROR Utils: -XX is odd, OutOfMemoryError", "OutOfMemoryError"));
    }
}
