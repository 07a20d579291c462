#!/usr/bin/env python3
"""How good and how quick the recommender's search is, beside a dense search, Optuna's TPE, Ax and crates with a TPE, on the
same objective.

Every request is drawn by its number and scored by the trained model; the program `search_oracle` (an example of the
recommender) answers for both. Regret is (found - optimum) / optimum; the optimum is the best of a dense search and of
everything that any of the others found.
"""

import argparse
import json
import statistics
import subprocess
import time
import warnings

# Outside the guardrails: worse than anything inside.
OUTSIDE = 100.0


class Oracle:
    """The program that knows the requests and their objective; one JSON value a line each way."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def ask(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("search_bench: the oracle ended; see its message above")
        return json.loads(line)


class Problem:
    """One request's space and objective."""

    def __init__(self, oracle, kind, number, change_weight):
        opened = oracle.ask(open={"set": kind, "number": number, "change_weight": change_weight})
        self.oracle, self.parameters, self.start = oracle, opened["parameters"], opened.get("start", [])

    def nearest(self, values):
        point = []
        for parameter, value in zip(self.parameters, values):
            if parameter["kind"] == "integer":
                low, step = parameter["low"], parameter["step"]
                value = low + round((value - low) / step) * step
            point.append(min(max(value, parameter["low"]), parameter["high"]))
        return point

    def score(self, values):
        (value,) = self.oracle.ask(score=[self.nearest(values)])
        return OUTSIDE if value is None else value


def by_optuna(problem, trials, seed):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore")
    sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True)
    study = optuna.create_study(sampler=sampler)
    names = [parameter["name"] for parameter in problem.parameters]
    for point in problem.start:
        study.enqueue_trial(dict(zip(names, point)))

    def objective(trial):
        values = []
        for parameter in problem.parameters:
            suggest = trial.suggest_int if parameter["kind"] == "integer" else trial.suggest_float
            low, high = parameter["low"], parameter["high"]
            step = {} if parameter["log"] or parameter["kind"] == "float" else {"step": parameter["step"]}
            values.append(suggest(parameter["name"], low, high, log=parameter["log"], **step))
        return problem.score(values)

    study.optimize(objective, n_trials=trials)
    return study.best_value


def by_ax(problem, trials, seed):
    import logging

    from ax.api.client import Client
    from ax.api.configs import RangeParameterConfig

    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    client = Client(random_seed=seed)
    names = [parameter["name"].replace(".", "_") for parameter in problem.parameters]
    types = {"integer": "int", "float": "float"}
    client.configure_experiment(
        parameters=[
            RangeParameterConfig(
                name=name,
                parameter_type=types[parameter["kind"]],
                bounds=(parameter["low"], parameter["high"]),
                scaling="log" if parameter["log"] else None,
            )
            for name, parameter in zip(names, problem.parameters)
        ]
    )
    client.configure_optimization(objective="-value")
    best = OUTSIDE
    for number in range(trials):
        if number < len(problem.start):
            values = dict(zip(names, problem.start[number]))
            typed = {
                name: int(value) if parameter["kind"] == "integer" else value
                for (name, value), parameter in zip(values.items(), problem.parameters)
            }
            index = client.attach_trial(parameters=typed)
            parameters = typed
        else:
            ((index, parameters),) = client.get_next_trials(max_trials=1).items()
        value = problem.score([parameters[name] for name in names])
        client.complete_trial(trial_index=index, raw_data={"value": value})
        best = min(best, value)
    return best


class Crates:
    """The program with the crates; it is asked for a point and told its value."""

    NAMES = ("parzen", "tpe", "optimizer")

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def search(self, name, problem, trials, seed):
        """(best value, seconds of processor time in the crate)."""
        task = {"crate": name, "seed": seed, "trials": trials, "parameters": problem.parameters, "start": problem.start}
        self.process.stdin.write(json.dumps(task) + "\n")
        best = OUTSIDE
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit(f"search_bench: the crate {name} ended; see its message above")
            answer = json.loads(line)
            if isinstance(answer, dict):
                return best, answer["cpu_s"]
            value = problem.score(answer)
            best = min(best, value)
            self.process.stdin.write(f"{value!r}\n")


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def measure(oracle, crates, kind, change_weight, options):
    names = ["paramedic", "optuna", "ax", *Crates.NAMES]
    found = {name: {} for name in names}
    seconds = {name: [] for name in names}
    optimum, dimensions, alternatives = {}, [], []
    for number in range(options.requests):
        problem = Problem(oracle, kind, number, change_weight)
        if not problem.parameters:
            continue
        ours = oracle.ask(search={"evaluations": options.evaluations})
        if ours["value"] is None:
            continue
        dimensions.append(len(problem.parameters))
        alternatives.append(ours["alternatives"])
        found["paramedic"][number] = ours["value"]
        seconds["paramedic"].append(ours["cpu_s"])
        for name, search, trials, most in (
            ("optuna", by_optuna, options.optuna_trials, options.optuna_requests),
            ("ax", by_ax, options.ax_trials, options.ax_requests),
        ):
            if number < most:
                begun = time.process_time()
                found[name][number] = search(problem, trials, number)
                seconds[name].append(time.process_time() - begun)
        if crates and number < options.crate_requests:
            for name in Crates.NAMES:
                found[name][number], cpu_s = crates.search(name, problem, options.crate_trials, number)
                seconds[name].append(cpu_s)
        dense = oracle.ask(dense={"points": options.points})
        others = [values[number] for values in found.values() if number in values]
        optimum[number] = min([dense["value"], *others])
    rows = []
    for name, values in found.items():
        if values:
            regret = [100 * (value - optimum[number]) / abs(optimum[number]) for number, value in values.items()]
            rows.append(
                {
                    "search": name,
                    "requests": len(values),
                    "regret_median_percent": statistics.median(regret),
                    "regret_p95_percent": quantile(regret, 0.95),
                    "regret_worst_percent": max(regret),
                    "cpu_p50_ms": 1e3 * statistics.median(seconds[name]),
                    "cpu_p99_ms": 1e3 * quantile(seconds[name], 0.99),
                }
            )
    return {
        "set": kind,
        "change_weight": change_weight,
        "dense_points": options.points,
        "parameters_median": statistics.median(dimensions),
        "parameters_most": max(dimensions),
        "alternatives_at_least_three": sum(count >= 3 for count in alternatives),
        "searches": rows,
    }


def show(result):
    print(
        f"\n{result['set']} requests, {result['parameters_median']:.0f} parameters (at most {result['parameters_most']}), "
        f"price of a change {result['change_weight']}, dense search of {result['dense_points']:,} points, refined; "
        f"three alternatives or more for {result['alternatives_at_least_three']}"
    )
    print(f"{'':>10} {'requests':>8} {'regret median':>14} {'p95':>9} {'worst':>9} {'CPU p50':>12} {'CPU p99':>12}")
    for row in result["searches"]:
        print(
            f"{row['search']:>10} {row['requests']:>8} {row['regret_median_percent']:>12.4f} % {row['regret_p95_percent']:>7.3f} % "
            f"{row['regret_worst_percent']:>7.3f} % {row['cpu_p50_ms']:>9.2f} ms {row['cpu_p99_ms']:>9.2f} ms",
            flush=True,
        )


def show_deadlines(oracle, options):
    over = {}
    for deadline_ms in (5, 10, 20):
        Problem(oracle, "wide", 0, 0.02)
        command = {"deadline_ms": deadline_ms, "threads": options.threads, "repeats": 200}
        over[deadline_ms] = oracle.ask(deadline=command)
        late = [search["late_ms"] for search in over[deadline_ms]]
        ran = [search["ran_ms"] for search in over[deadline_ms]]
        print(
            f"deadline of {deadline_ms} ms beside {options.threads} busy threads: late by {quantile(late, 0.5):.2f} ms (p50), "
            f"{quantile(late, 0.99):.2f} ms (p99), {max(late):.2f} ms (most); of its own processor time from the last look "
            f"before the deadline to the answer: {quantile(ran, 0.5):.2f}, {quantile(ran, 0.99):.2f}, {max(ran):.2f} ms",
            flush=True,
        )
    return over


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--oracle", nargs="+", required=True, help="the program and the model's folder")
    parser.add_argument("--sets", nargs="+", default=["wide", "mixed"], choices=["wide", "mixed"])
    parser.add_argument("--change-weights", nargs="+", type=float, default=[0.0, 0.02])
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--evaluations", type=int, default=None, help="of one search; by default the service's")
    parser.add_argument("--points", type=int, default=10_000_000, help="of the dense search")
    parser.add_argument("--optuna-requests", type=int, default=10)
    parser.add_argument("--optuna-trials", type=int, default=256)
    parser.add_argument("--ax-requests", type=int, default=2)
    parser.add_argument("--ax-trials", type=int, default=30)
    parser.add_argument("--crates", help="the program with the crates")
    parser.add_argument("--crate-requests", type=int, default=20)
    parser.add_argument("--crate-trials", type=int, default=3072, help="as many as the service's search")
    parser.add_argument("--threads", type=int, default=4, help="that keep the machine busy while deadlines are measured")
    parser.add_argument("--json", help="also write the results there")
    options = parser.parse_args()

    oracle = Oracle(options.oracle)
    crates = Crates([options.crates]) if options.crates else None
    results = []
    for kind in options.sets:
        for change_weight in options.change_weights:
            results.append(measure(oracle, crates, kind, change_weight, options))
            show(results[-1])
    print()
    deadlines = show_deadlines(oracle, options)
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"results": results, "late_ms": deadlines}, file, indent=1)


if __name__ == "__main__":
    main()
