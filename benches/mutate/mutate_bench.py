#!/usr/bin/env python3
"""Measures mutate against a bare axum handler, in one run: requests a second, latency, and the server's CPU a request.

    make bench-mutate

The configuration has 60 keys, the patch that applies 6 operations; the other patches
are for other jobs. Authorization is on. The servers take turns, so that a busy machine disturbs both alike.
"""

import argparse
import hashlib
import json
import os
import re
import sqlite3
import statistics
import subprocess
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path

TOKEN = "benchmark"
SET = {
    "spark.executor.memory": "4g",
    "spark.executor.memoryOverhead": "1g",
    "spark.executor.cores": "4",
    "spark.memory.fraction": "0.7",
    "spark.sql.shuffle.partitions": "400",
    "spark.driver.memory": "2g",
}
PATCH = [{"op": "add", "path": f"/{key}", "value": value} for key, value in SET.items()]


def request_body():
    config = {f"spark.benchmark.some.setting.{number:02}": f"value-{number}" for number in range(54)}
    config |= {key: "1g" if "emory" in key and "fraction" not in key else "1" for key in SET}
    job = {"scheduler": "airflow", "workflow": "daily_sales", "job": "orders", "run": "2026-01-31", "attempt": 2}
    return json.dumps({"job": job, "config": dict(sorted(config.items()))})


def rows(count):
    """The patch that applies, and others for other jobs."""
    for number in range(count):
        job = "orders" if number == 0 else f"job-{number}"
        content = {
            "scope": {"scheduler": "airflow", "workflow": "daily_sales", "job": job, "run": "2026-01-31", "after_attempt": 1},
            "patch": PATCH,
            "source": "recommender",
            "priority": 0,
        }
        yield (str(uuid.UUID(int=number + 1)), json.dumps(content), job)


def fill(database, count):
    connection = sqlite3.connect(database)
    connection.executemany(
        "insert into patches (id, version, status, content, source, scope_scheduler, scope_cluster, scope_workflow,"
        " scope_job, scope_run, scope_user, scope_after_attempt, uses, created_by, created_at, updated_at, revision)"
        " values (?, 1, 'active', ?, 'recommender', 'airflow', '', 'daily_sales', ?, '2026-01-31', '', 1, 0, 'bench',"
        " 1, 1, 0)",
        rows(count),
    )
    connection.commit()
    connection.close()


def wait_for(url, token=None):
    request = urllib.request.Request(url, data=request_body().encode(), method="POST")
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    for _ in range(600):
        try:
            return json.load(urllib.request.urlopen(request, timeout=60))
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{url} does not answer")


def start(command, log):
    environment = {**os.environ, "RUST_LOG": log}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)


def service(target, folder, count, port, log):
    """The service over a database with so many live patches."""
    database = folder / f"{count}-{port}.db"
    tokens = folder / "tokens"
    tokens.write_text(f"bench scheduler {hashlib.sha256(TOKEN.encode()).hexdigest()}\n")
    command = [target / "paramedic-configsvc", "--listen", f"127.0.0.1:{port}", "--database-url", f"sqlite://{database}",
               "--tokens", tokens, "--token-rate-max", "0"]
    # Once for its tables, then with its patches.
    process = start(command, log)
    wait_for(f"http://127.0.0.1:{port}/v1/configs/mutate", TOKEN)
    process.terminate()
    process.wait()
    fill(database, count)
    process = start(command, log)
    answer = wait_for(f"http://127.0.0.1:{port}/v1/configs/mutate", TOKEN)
    assert len(answer["applied"]) == 1 and answer["config"]["spark.executor.memory"] == "4g", answer
    return process


def bare(target, folder, port):
    patch = folder / "patch.json"
    patch.write_text(json.dumps(PATCH))
    process = start([target / "examples" / "bare_mutate", f"127.0.0.1:{port}", patch], "warn")
    answer = wait_for(f"http://127.0.0.1:{port}/v1/configs/mutate")
    assert answer["config"]["spark.executor.memory"] == "4g", answer
    return process


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(folder, port, pid, seconds, connections):
    script = folder / "post.lua"
    body = request_body()
    script.write_text(
        f'wrk.method = "POST"\nwrk.body = [==[{body}]==]\nwrk.headers["Content-Type"] = "application/json"\n'
        f'wrk.headers["Authorization"] = "Bearer {TOKEN}"\n'
    )
    before = cpu_seconds(pid)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script,
               f"http://127.0.0.1:{port}/v1/configs/mutate"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    used = cpu_seconds(pid) - before
    if "Non-2xx" in text:
        raise SystemExit(text)
    requests = int(re.search(r"(\d+) requests in", text)[1])
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", text).groups()
    p99_ms = float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
    return {"requests_per_s": rate, "p99_ms": p99_ms, "cpu_us": used / requests * 1e6}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", type=Path, default=Path("target/release"))
    parser.add_argument("--patches", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--seconds", type=int, default=5, help="of one turn")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--log", default="warn", help="RUST_LOG of the service; `info` writes a line a request")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        servers = {"bare": (8090, bare(arguments.target, folder, 8090))}
        for number, count in enumerate(arguments.patches):
            port = 8091 + number
            servers[f"{count} patches"] = (port, service(arguments.target, folder, count, port, arguments.log))
        try:
            runs = {name: [] for name in servers}
            for _ in range(arguments.turns):
                for name, (port, process) in servers.items():
                    runs[name].append(load(folder, port, process.pid, arguments.seconds, arguments.connections))
        finally:
            for _, process in servers.values():
                process.terminate()
    medians = {
        name: {key: statistics.median(run[key] for run in turns) for key in turns[0]} for name, turns in runs.items()
    }
    base = medians["bare"]
    print(f"{'':>16} {'requests/s':>11} {'p99 ms':>8} {'CPU µs':>8}   ratio to bare: requests/s, p99, CPU")
    for name, it in medians.items():
        ratios = "  ".join(f"{it[key] / base[key]:.2f}" for key in ("requests_per_s", "p99_ms", "cpu_us"))
        print(f"{name:>16} {it['requests_per_s']:>11.0f} {it['p99_ms']:>8.2f} {it['cpu_us']:>8.1f}   {ratios}")


if __name__ == "__main__":
    main()
