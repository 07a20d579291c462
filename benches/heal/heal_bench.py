#!/usr/bin/env python3
"""How well are real failing Spark jobs healed, and at what cost?

Runs every job of a manifest through `paramedic submit` against a server of its own, one after the other, and prints what was
found and done beside what was expected. Run it by `make heal-bench`; README.md beside this file says what a manifest holds.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import measurements
import report
from rules_of_thumb import LADDERS
from spark_memory import cost_usd, usd_per_hour

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DEFAULT_MANIFEST = ROOT.parent / "shared" / "sparkjobs" / "manifest.json"
READY_TIMEOUT_S = 60
STOP_TIMEOUT_S = 20

HOW_TO_GET_JOBS = """heal-bench: there is no manifest at {}.
A manifest names Spark jobs that fail and what heals them; benches/heal/README.md says how to write one.
Give it by `make heal-bench JOBS=path/to/manifest.json`."""


class Server:
    """`paramedic serve` with an empty database, gone at the end."""

    def __init__(self, paramedic, folder):
        self.log = folder / "serve.log"
        ready_file = folder / "url"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [paramedic, "serve", "--listen", "127.0.0.1:0", "--ready-file", ready_file, "--data-dir", folder / "data",
                 "--rules", "rules", "--models", "models"],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not ready_file.exists() or not self._is_ready(ready_file.read_text()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise SystemExit(f"heal-bench: the server did not become ready:\n{self.log.read_text()}")
            time.sleep(0.1)
        self.url = ready_file.read_text()

    @staticmethod
    def _is_ready(url):
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Bench:
    """One session over one manifest."""

    def __init__(self, options, manifest, folder):
        self.options = options
        self.manifest = manifest
        self.jobs_root = options.manifest.parent
        self.folder = folder

    def spark_submit(self, job, conf):
        settings = [word for key, value in {**self.manifest.get("common_conf", {}), **conf}.items()
                    for word in ("--conf", f"{key}={value}")]
        command = ["spark-submit", "--master", job["master"], *settings, self.jobs_root / job["script"], *job["args"]]
        if job.get("container"):
            command = [sys.executable, HERE / "container_limit.py", *command]
        return [str(word) for word in command]

    def environment(self, job):
        """Folders of the job's own; what one run leaves, the next finds."""
        environment = dict(os.environ)
        for name in ("data", "state", "tmp"):
            path = self.folder / job["id"] / name
            path.mkdir(parents=True, exist_ok=True)
            environment[f"SB_{name.upper()}"] = str(path)
        return environment

    def run(self, job, name, command, timeout_s):
        """Runs a command to its end, in a process group that ends with it; answers (exit code or None, seconds)."""
        work = self.folder / job["id"] / "work"
        work.mkdir(parents=True, exist_ok=True)
        start = time.monotonic()
        with open(self.folder / job["id"] / f"{name}.log", "wb") as log:
            process = subprocess.Popen(command, cwd=work, env=self.environment(job), stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=log, start_new_session=True)
            try:
                exit_code = process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                exit_code = None
                process.terminate()  # submit passes it on to the job
                try:
                    process.wait(STOP_TIMEOUT_S)
                except subprocess.TimeoutExpired:
                    pass
            finally:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                process.wait()
        return exit_code, time.monotonic() - start

    def timeout_s(self, job):
        return job.get("timeout_s", 100) * self.options.timeout_factor

    def heal(self, job, server):
        path = self.folder / job["id"] / "report.json"
        command = [self.options.paramedic, "submit", "--server", server.url, "--workflow", "heal-bench", "--job", job["id"],
                   "--run", "1", "--max-retries", str(self.options.max_retries), "--report", path, "--",
                   *self.spark_submit(job, job["base_conf"])]
        attempts = self.options.max_retries + 1
        exit_code, _ = self.run(job, "submit", command, self.timeout_s(job) * attempts)
        story = json.loads(path.read_text()) if path.exists() else None
        row = report.healed_row(job, story, timed_out=exit_code is None)
        row["ledger"] = measurements.ledger(server.url, story)
        return row

    def plain(self, job, name, conf):
        """Runs the job once without Paramedic."""
        exit_code, wall_s = self.run(job, name, self.spark_submit(job, conf), self.timeout_s(job))
        return {"passed": exit_code == 0, "timed_out": exit_code is None, "wall_s": round(wall_s, 1), "conf": conf,
                "cost_usd": cost_usd(conf, job["master"], wall_s)}

    def cheapest(self, job, oracle):
        """The cheapest configuration known to pass, and its cost: by the manifest's wall time, or measured here."""
        candidates = [conf for conf in [job["known_good_conf"], *oracle.get(job["id"], [])] if conf]
        if not candidates or job["expected"]["healed_by"] != "configuration":
            return None
        conf = min(({**job["base_conf"], **conf} for conf in candidates), key=lambda c: usd_per_hour(c, job["master"]))
        if self.options.measure_known_good:
            return {**self.plain(job, "known-good", conf), "measured": True}
        wall_s = ((job.get("measured") or {}).get("passing") or {}).get("wall_s")
        cost = cost_usd(conf, job["master"], wall_s) if wall_s else None
        return {"conf": conf, "wall_s": wall_s, "cost_usd": cost, "measured": False}

    def baselines(self, job):
        """What each rule of thumb would have done, run for real: as many retries as Paramedic has, until one passes."""
        unchanged = self.climb(job, "unchanged", LADDERS["unchanged"])
        # Without a side to change, all of them have only the plain retry.
        side = job["expected"]["memory_side"]
        return {name: self.climb(job, name, ladder) if side and name != "unchanged" else unchanged
                for name, ladder in LADDERS.items()}

    def climb(self, job, name, ladder):
        """Retries by a rule of thumb; what it does not know how to heal it does not retry."""
        steps = ladder(job["base_conf"], job["expected"]["memory_side"], job["master"])[: self.options.max_retries]
        runs = []
        for number, conf in enumerate(steps, 1):
            runs.append(self.plain(job, f"{name}-{number}", conf))
            if runs[-1]["passed"]:
                break
        return {"passed": bool(runs) and runs[-1]["passed"], "retries": len(runs), "runs": runs,
                "cost_usd": sum(run["cost_usd"] for run in runs)}


def oracle_configurations(path):
    """{job: [configuration that passed]} of an oracle.json beside the manifest, where there is one."""
    if not path.exists():
        return {}
    found = {}
    for line in json.loads(path.read_text()):
        if line["min_pass_mb"] is None:
            continue
        conf = {line["key"]: f"{int(line['min_pass_mb'])}m"}
        if line["key2"]:
            conf[line["key2"]] = line["value2"]
        found.setdefault(line["id"], []).append(conf)
    return found


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paramedic", type=pathlib.Path, default=ROOT / "target/release/paramedic", help="the binary")
    parser.add_argument("--manifest", type=pathlib.Path, default=DEFAULT_MANIFEST, help="the jobs")
    parser.add_argument("--only", action="append", metavar="ID", help="only this job; may be repeated")
    parser.add_argument("--max-retries", type=int, default=2, metavar="N")
    parser.add_argument("--timeout-factor", type=float, default=2.0, metavar="X", help="stretches the manifest's time limits")
    parser.add_argument("--measure-known-good", action="store_true", help="run the cheapest known configuration too")
    parser.add_argument("--baselines", action=argparse.BooleanOptionalAction, default=True,
                        help="run the rules of thumb too (three times as long)")
    parser.add_argument("--json", type=pathlib.Path, default=ROOT / "target/heal-bench.json", metavar="FILE",
                        help="where the whole report goes")
    parser.add_argument("--measurements", type=pathlib.Path, metavar="FILE",
                        help="also keep every failure with what became of each retry, as models/measured holds them")
    parser.add_argument("--keep", action="store_true", help="keep logs and reports of every run, and say where")
    options = parser.parse_args()
    options.paramedic = options.paramedic.resolve()
    options.manifest = options.manifest.resolve()
    return options


def write(path, rows):
    """The report so far: a session that is cut off keeps what it measured."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = [{key: value for key, value in row.items() if key != "ledger"} for row in rows]
    path.write_text(json.dumps({"jobs": kept, "totals": report.totals(rows)}, indent=2) + "\n")


def main():
    options = arguments()
    if not options.manifest.exists():
        print(HOW_TO_GET_JOBS.format(options.manifest))
        return 0
    for program in (str(options.paramedic), "spark-submit"):
        if shutil.which(program) is None:
            print(f"heal-bench: {program} is missing: run it by `make heal-bench`", file=sys.stderr)
            return 2
    manifest = json.loads(options.manifest.read_text())
    oracle = oracle_configurations(options.manifest.parent / "oracle.json")
    jobs = [job for job in manifest["jobs"] if not options.only or job["id"] in options.only]

    folder = pathlib.Path(tempfile.mkdtemp(prefix="heal-bench-"))
    bench = Bench(options, manifest, folder)
    server = Server(options.paramedic, folder)
    rows = []
    try:
        for number, job in enumerate(jobs, 1):
            print(f"[{number}/{len(jobs)}] {job['id']}", end=" ", flush=True)
            row = bench.heal(job, server)
            row["cheapest"] = bench.cheapest(job, oracle)
            row["baselines"] = bench.baselines(job) if options.baselines else None
            rows.append(row)
            print(report.verdict(row), flush=True)
            write(options.json, rows)
            if options.measurements:
                measurements.write(options.measurements, rows)
    finally:
        server.stop()
        if options.keep:
            print(f"heal-bench: logs are in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(report.table(rows))
    print(report.summary(report.totals(rows)))
    write(options.json, rows)
    print(f"heal-bench: the whole report is in {options.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
