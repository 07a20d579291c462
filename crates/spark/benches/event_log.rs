//! How fast an event log is read, on one core: this reader, a plain parse by `serde_json`, and Python's `json`, on the same file
//! in one run. `cargo bench -p paramedic-spark --bench event_log -- [FILE]`; without a file, the events of a log that Spark
//! 4.1 wrote, its tasks repeated up to 512 MiB.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on fails, and tells its figures"
)]

use std::{
    fs::File,
    hint::black_box,
    io::{BufRead as _, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use paramedic_spark::event_log::{EventLogLimits, read_path};
use serde_json::Value;

const BYTES: u64 = 512 << 20;

/// As a script would sum up the same tasks.
const PYTHON: &str = "
import json, sys
read = 0
for line in open(sys.argv[1]):
    event = json.loads(line)
    if event['Event'] == 'SparkListenerTaskEnd':
        read += event['Task Metrics']['Shuffle Read Metrics']['Local Bytes Read']
";

fn main() {
    let given = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let dir = tempfile::tempdir().expect("a folder for the log");
    let path = given.map_or_else(|| repeated(dir.path()), PathBuf::from);
    let bytes = path.metadata().expect("the log").len();
    println!("{}: {:.0} MB", path.display(), bytes as f64 / 1e6);
    report("this reader", bytes, || {
        black_box(read_path(&path, &EventLogLimits::default()).expect("a summary"));
    });
    report("serde_json::Value", bytes, || parse(&path));
    report("Python's json", bytes, || {
        let status = Command::new("python3").arg("-c").arg(PYTHON).arg(&path).status().expect("python3");
        assert!(status.success());
    });
}

/// The best of three.
fn report(what: &str, bytes: u64, run: impl Fn()) {
    let seconds = (0..3)
        .map(|_| {
            let started = Instant::now();
            run();
            started.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    println!("{what:>18}: {:.3} GB/s ({seconds:.2} s)", bytes as f64 / 1e9 / seconds);
}

fn parse(path: &Path) {
    let mut reader = BufReader::with_capacity(256 << 10, File::open(path).expect("the log"));
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).expect("a line") > 0 {
        black_box(serde_json::from_slice::<Value>(&line).expect("an event"));
        line.clear();
    }
}

/// A log in which each event of a stage or a task comes again until it is large enough.
fn repeated(dir: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/spark/4.1-none");
    let text = std::fs::read_to_string(source).expect("the fixture");
    let is_task = |line: &&str| line.contains("SparkListenerTask") || line.contains("SparkListenerStage");
    let (tasks, rest): (Vec<&str>, Vec<&str>) = text.lines().partition(is_task);
    let (end, begin) = rest.split_last().expect("events");
    let path = dir.join("app-1");
    let mut file = BufWriter::new(File::create(&path).expect("the log"));
    for line in begin {
        writeln!(file, "{line}").expect("room for the log");
    }
    let mut written = 0;
    for line in tasks.iter().cycle() {
        writeln!(file, "{line}").expect("room for the log");
        written += line.len() as u64;
        if written > BYTES {
            break;
        }
    }
    writeln!(file, "{end}").expect("room for the log");
    file.flush().expect("room for the log");
    path
}
