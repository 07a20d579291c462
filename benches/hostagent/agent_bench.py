#!/usr/bin/env python3
"""What the host agent costs on this machine. As root; needs a built `paramedic` and, for `walk`, psutil.

walk   A parent with 2 GB resident and 97 forked sleepers that share it: the agent beside psutil's memory_full_info over the
       same processes, in one run.
idle   1,000 processes: the agent's CPU share and memory.
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request

EXECUTOR = ["org.apache.spark.executor.CoarseGrainedExecutorBackend", "--executor-id", "1", "--app-id", "app-bench"]
TICKS = os.sysconf("SC_CLK_TCK")

HOLDER = """
import os, signal, sys
memory = bytearray(int(sys.argv[1]) << 20)
for at in range(0, len(memory), 4096): memory[at] = 1
for _ in range(int(sys.argv[2])):
    if os.fork() == 0:
        signal.pause()
print("ready", flush=True)
signal.pause()
"""


def holder(mebibytes, children):
    """A process that the agent takes for an executor, with its children."""
    command = ["java", "-c", HOLDER, str(mebibytes), str(children), *EXECUTOR]
    process = subprocess.Popen(command, executable=sys.executable, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout.readline() == b"ready\n"
    return process


class Agent:
    """A running agent."""

    def __init__(self, paramedic, *arguments):
        command = [paramedic, "hostagent", "--listen", "127.0.0.1:0", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = self.process.stdout.readline().split()[-1]

    def snapshot(self):
        with urllib.request.urlopen(self.url + "/v1/snapshot", timeout=10) as answer:
            return json.load(answer)

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def processes_of(leader):
    pids = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.getsid(int(name)) == leader:
                    pids.append(int(name))
            except ProcessLookupError:
                pass
    return pids


def psutil_round(pids):
    """CPU time of one look at every process, and the longest call."""
    import psutil  # pylint: disable=import-outside-toplevel

    longest, begin = 0.0, time.process_time()
    for pid in pids:
        before = time.monotonic()
        psutil.Process(pid).memory_full_info()
        longest = max(longest, time.monotonic() - before)
    return time.process_time() - begin, longest


def walk(options):
    parent = holder(2048, 97)
    agent = Agent(options.paramedic, "--period", "10")
    try:
        pids = processes_of(parent.pid)
        rounds = [psutil_round(pids) for _ in range(3)]
        cpu_s, longest_s = min(rounds)[0], max(longest for _, longest in rounds)
        begin, cpu_before = time.monotonic(), agent.cpu_s()
        time.sleep(options.seconds)
        share = (agent.cpu_s() - cpu_before) / (time.monotonic() - begin)
        report = agent.snapshot()["agent"]
    finally:
        agent.stop()
        os.killpg(parent.pid, signal.SIGKILL)
    print(f"{len(pids)} processes over 2 GB, {options.seconds} s")
    print(f"psutil memory_full_info: {cpu_s:.2f} s of CPU a round ({cpu_s * 10:.0f} % of a core every 10 s), longest walk {longest_s * 1e3:.1f} ms")
    print(f"agent: {share * 100:.2f} % of a core; {report['memory_walks']} walks of {report['memory_walk_cpu_s']:.2f} s in all,"
          f" longest {report['memory_longest_walk_s'] * 1e3:.1f} ms; left out {report['memory_skipped_budget']} for the budget,"
          f" {report['memory_skipped_unmoved']} unmoved")


def idle(options):
    parent = holder(64, options.processes - 1)
    agent = Agent(options.paramedic, "--period", "10")
    try:
        time.sleep(25)
        begin, cpu_before = time.monotonic(), agent.cpu_s()
        walked_before = agent.snapshot()["agent"]["memory_walk_cpu_s"]
        time.sleep(options.seconds)
        elapsed = time.monotonic() - begin
        share = (agent.cpu_s() - cpu_before) / elapsed
        snapshot = agent.snapshot()
        walking = (snapshot["agent"]["memory_walk_cpu_s"] - walked_before) / elapsed
    finally:
        agent.stop()
        os.killpg(parent.pid, signal.SIGKILL)
    report = snapshot["agent"]
    print(f"{report['processes']} processes: {share * 100:.3f} % of a core over {options.seconds} s ({walking * 100:.3f} % of it walks of memory, on their budget), {report['rss_bytes'] / 1e6:.1f} MB resident,"
          f" {report['tables_bytes'] / 1e6:.1f} MB in the kernel")
    for program in snapshot["bpf_programs"]:
        print(f"{program['name']}: {program['runs_per_s']:.0f} runs/s, {program['ns_per_run']:.0f} ns a run, {program['cpu_share'] * 100:.3f} % of a CPU")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["walk", "idle"])
    parser.add_argument("--paramedic", default="target/hostagent/release/paramedic")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--processes", type=int, default=1000)
    options = parser.parse_args()
    {"walk": walk, "idle": idle}[options.what](options)


if __name__ == "__main__":
    main()
