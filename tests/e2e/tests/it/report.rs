//! Failure reports as a scheduler would write them.

use serde_json::{Value, json};

/// An executor that ran out of heap; `run` names the run.
pub(crate) fn heap_failure(run: &str) -> Value {
    let log = "26/01/31 12:00:07 ERROR Executor: Exception in task 0.0 in stage 1.0 (TID 1)\n\
               java.lang.OutOfMemoryError: Java heap space\n\
               \tat org.apache.spark.sql.catalyst.expressions.codegen.BufferHolder.grow(BufferHolder.java:77)\n";
    json!({
        "job": {"scheduler": "e2e", "workflow": "daily_sales", "job": "orders_by_region", "run": run, "attempt": 1},
        "application_id": "app-20260131120000-0000",
        "engine": {"kind": "spark", "version": "4.1.4"},
        "config": {"spark.master": "local-cluster[1,1,4096]", "spark.executor.memory": "512m"},
        "logs": [{"log": "executor.stderr", "text": log}],
        "exit_code": 1,
        "started_at": "2026-01-31T12:00:00Z",
        "finished_at": "2026-01-31T12:01:00Z"
    })
}
