//! Words in a log that look like a failure and are none: JVM flags, launch commands, configuration dumps.

use crate::entry::{Head, Level, head};

/// Is what starts at `offset` of `line` part of a flag, a launch command or a configuration dump?
pub(crate) fn is_noise(line: &str, offset: usize) -> bool {
    let Some(before) = line.get(..offset) else { return false };
    in_flag(before, &line[offset..]) || in_command(before) || in_configuration_dump(line, offset)
}

/// Loggers that report failures of Spark, Hadoop and their clients at INFO, by the end of their name.
const PLATFORM_ENDS: &[&str] = &[
    "Allocator",
    "Backend",
    "BlockManagerInfo",
    "Broadcast",
    "Client",
    "Committer",
    "Connection",
    "Context",
    "Endpoint",
    "Exec",
    "Executor",
    "Factory",
    "Fetcher",
    "FileFormat",
    "FileSystem",
    "Handler",
    "Impl",
    "InputStream",
    "Iterator",
    "Listener",
    "Logger",
    "Manager",
    "Master",
    "Metastore",
    "OutputStream",
    "Pool",
    "Provider",
    "Proxy",
    "RDD",
    "Runner",
    "Scheduler",
    "Server",
    "Service",
    "Session",
    "State",
    "Submit",
    "Store",
    "Submitter",
    "Tracker",
    "Transport",
    "Uploader",
    "Util",
    "Utils",
    "Watcher",
    "Worker",
    "Writer",
];
/// Packages of the platform: what they log is no statement of the job's own.
const PLATFORM_PACKAGES: &[&str] = &[
    "org.apache.",
    "o.a.",
    "org.sparkproject.",
    "com.amazon",
    "software.amazon",
    "com.google.",
    "com.azure",
    "com.microsoft",
    "com.databricks",
    "io.delta.",
    "io.fabric8.",
    "io.netty.",
    "org.spark_project.",
    "hive.",
    "airflow",
    "py4j",
    "pyspark",
    "kubernetes",
    "botocore",
    "boto3",
    "urllib3",
    "java.",
    "scala.",
    "akka.",
    "org.eclipse.",
    "org.postgresql.",
    "parquet",
];

/// Loggers whose entries tell no failure, whatever their level and their stack traces, by the end of their name: what
/// Spark 4 repeats for its structured log (the call throws the same), what Spark cannot delete or measure, and where it
/// looks for a folder that need not be there.
const HARMLESS_LOGGERS: &[&str] =
    &["QueryContextLogger", "ShutdownHookManager", "ProcfsMetricsGetter", "FileStreamSink"];

/// Is the block an entry of a logger that tells no failures?
pub(crate) fn is_harmless(block: &str) -> bool {
    head(block.lines().next().unwrap_or_default())
        .and_then(|head| head.logger)
        .is_some_and(|logger| HARMLESS_LOGGERS.iter().any(|end| logger.ends_with(end)))
}

/// Is the block an informational line that the job itself logged: at INFO or less, by a logger of its own?
pub(crate) fn is_own_statement(block: &str) -> bool {
    let Some(Head { level, logger: Some(logger) }) = head(block.lines().next().unwrap_or_default()) else {
        return false;
    };
    if level > Level::Info || PLATFORM_PACKAGES.iter().any(|package| logger.starts_with(package)) {
        return false;
    }
    // `ApplicationMaster:54`, as log4j's `%c{1}:%L` prints it; `SparkSubmit$`.
    let name = logger.split(['$', ':']).next().unwrap_or(logger);
    // Two parts are a short form, as log4j's `%c{2}` prints it: `yarn.ApplicationMaster`.
    name.matches('.').count() > 1 || !PLATFORM_ENDS.iter().any(|end| name.ends_with(end))
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
    fn some_loggers_tell_no_failure() {
        assert!(is_harmless(
            "2026-01-31 12:00:00.437 ERROR SQLQueryContextLogger: [UNRESOLVED_COLUMN.WITH_SUGGESTION] x\n"
        ));
        assert!(is_harmless(
            "26/01/31 12:00:00 ERROR ShutdownHookManager: Exception while deleting Spark temp dir: /tmp/x\n"
        ));
        assert!(!is_harmless("26/01/31 12:00:00 ERROR Executor: Exception in task 3.0 in stage 2.0 (TID 7)\n"));
    }

    #[test]
    fn an_informational_line_of_the_job_is_its_own() {
        let own = |line: &str| is_own_statement(&format!("26/01/31 12:00:00 {line}\n"));
        assert!(own("INFO MyJob: handling OutOfMemoryError gracefully"));
        assert!(own("INFO com.example.Orders - retried after java.net.SocketTimeoutException"));
        assert!(is_own_statement("INFO:root:caught MemoryError"));
        assert!(!own("ERROR MyJob: OutOfMemoryError") && !own("WARN MyJob: OutOfMemoryError"));
        assert!(!own("INFO YarnAllocator: Container marked as failed") && !own("INFO DAGScheduler: Stage 1 failed"));
        assert!(!own("INFO yarn.ApplicationMaster: Final app status: FAILED"));
        assert!(!own("INFO  ApplicationMaster:54 - Final app status: FAILED"));
        assert!(!own("INFO mapreduce.JobSubmitter: Cleaning up the staging area /tmp/x"));
        assert!(own("INFO  Orders:54 - retried after java.net.SocketTimeoutException"));
        assert!(!own("INFO org.apache.spark.deploy.yarn.Client - diagnostics: killed"));
        assert!(!is_own_statement("[2026-01-31, 12:00:00 UTC] {subprocess.py:93} INFO - OutOfMemoryError"));
    }

    #[test]
    fn an_error_is_no_noise() {
        assert!(!noise("java.lang.OutOfMemoryError: Java heap space", "OutOfMemoryError"));
        assert!(!noise("spark.driver.maxResultSize (32.0 MiB) exceeded", "exceeded"));
        assert!(!noise("ERROR Utils: -XX is odd, OutOfMemoryError", "OutOfMemoryError"));
    }
}
