//! How fast text without secrets passes.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use paramedic_redaction::mask_text;

/// What a driver writes all day; one line in eight holds an address or a word that must be looked at.
const LINES: &str = "\
26/01/31 12:00:00 INFO TaskSetManager: Starting task 17.0 in stage 3.0 (TID 1234) (10.0.0.7, executor 3, partition 17, PROCESS_LOCAL, 7367 bytes)
26/01/31 12:00:00 INFO BlockManagerInfo: Added broadcast_5_piece0 in memory on 10.0.0.7:41233 (size: 5.9 KiB, free: 366.3 MiB)
26/01/31 12:00:01 INFO MemoryStore: Block broadcast_5 stored as values in memory (estimated size 11.3 KiB, free 366.2 MiB)
26/01/31 12:00:01 INFO TaskSetManager: Finished task 17.0 in stage 3.0 (TID 1234) in 35 ms on 10.0.0.7 (executor 3) (17/200)
26/01/31 12:00:02 INFO DAGScheduler: ShuffleMapStage 3 (map at Job.scala:41) finished in 2.210 s
26/01/31 12:00:02 INFO CodeGenerator: Code generated in 12.934 ms
\tat org.apache.spark.scheduler.Task.run(Task.scala:141)
26/01/31 12:00:03 INFO StandaloneAppClient$ClientEndpoint: Connecting to master spark://10.0.0.1:7077...
";

fn bench(criterion: &mut Criterion) {
    let clean = LINES.repeat(16 * 1024 * 1024 / LINES.len());
    let mut group = criterion.benchmark_group("redaction");
    group.sample_size(20).throughput(Throughput::Bytes(clean.len() as u64));
    group.bench_function("clean", |bencher| bencher.iter(|| mask_text(&clean).len()));
    let secrets = clean.replace("Code generated", "password=hunter2 generated");
    group.throughput(Throughput::Bytes(secrets.len() as u64));
    group.bench_function("a secret in every eighth line", |bencher| bencher.iter(|| mask_text(&secrets).len()));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
