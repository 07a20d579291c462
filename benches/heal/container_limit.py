#!/usr/bin/env python3
"""Runs a spark-submit as a cluster with containers would: an executor over its container's memory is killed.

    container_limit.py -- spark-submit …

`local-cluster` starts executors without any limit. This one reads the limit from the arguments (heap, overhead, off-heap
and Python memory) and kills, as the kernel or the node manager would, every executor whose process tree is larger.
"""

import os
import signal
import subprocess
import sys
import time

from spark_memory import executor_mib

POLL_S = 0.1
EXECUTOR_CLASS = b"CoarseGrainedExecutorBackend"
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def configuration(arguments):
    """The Spark settings given on a spark-submit command line."""
    conf = {}
    pending = None
    for argument in arguments:
        if pending == "--conf":
            key, _, value = argument.partition("=")
            conf[key.strip()] = value.strip()
            pending = None
        elif pending == "--executor-memory":
            conf["spark.executor.memory"] = argument
            pending = None
        elif argument in ("--conf", "-c", "--executor-memory"):
            pending = "--conf" if argument == "-c" else argument
        elif argument.startswith("--conf="):
            key, _, value = argument.removeprefix("--conf=").partition("=")
            conf[key.strip()] = value.strip()
    return conf


def processes():
    """{pid: (parent, resident bytes)} of every process that can be read now."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as stat:
                fields = stat.read().rpartition(b")")[2].split()
        except OSError:
            continue
        found[int(entry)] = (int(fields[1]), int(fields[21]) * PAGE_BYTES)
    return found


def tree(table, root):
    """`root` and everything below it."""
    children = {}
    for pid, (parent, _) in table.items():
        children.setdefault(parent, []).append(pid)
    members, queue = [], [root]
    while queue:
        pid = queue.pop()
        members.append(pid)
        queue.extend(children.get(pid, []))
    return members


def is_executor(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as cmdline:
            arguments = cmdline.read().split(b"\0")
    except OSError:
        return False
    return any(argument.endswith(EXECUTOR_CLASS) for argument in arguments)


def enforce(root, limit_bytes):
    """Kills every executor below `root` that is over the limit, with its Python workers."""
    table = processes()
    for pid in tree(table, root):
        if not is_executor(pid):
            continue
        container = tree(table, pid)
        if sum(table[member][1] for member in container if member in table) > limit_bytes:
            for member in container:
                try:
                    os.kill(member, signal.SIGKILL)
                except ProcessLookupError:
                    pass


def main(arguments):
    if arguments[:1] == ["--"]:
        arguments = arguments[1:]
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    limit_bytes = executor_mib(configuration(arguments)) * 1024**2
    child = subprocess.Popen(arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: child.send_signal(received))
    while child.poll() is None:
        enforce(child.pid, limit_bytes)
        time.sleep(POLL_S)
    # As a shell would report a child that a signal ended.
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
