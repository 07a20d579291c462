"""Rows, table and totals of the benchmark."""

from rules_of_thumb import LADDERS
from spark_memory import cost_usd


def healed_row(job, story, timed_out):
    """What became of one job, from the report that `paramedic submit` wrote."""
    expected = job["expected"]
    attempts = story["attempts"] if story else []
    decision = (attempts[0].get("decision") if attempts else None) or {}
    classification = decision.get("classification") or {}
    recommendation = decision.get("recommendation") or {}
    found = {
        "class": classification.get("class"),
        "category": classification.get("category"),
        "memory_side": classification.get("memory_side"),
        "action": decision.get("action"),
    }
    retry = attempts[1] if len(attempts) > 1 else None
    retry_conf = _applied(job["base_conf"], retry["config_changes"]) if retry else None
    return {
        "id": job["id"],
        "expected": expected,
        "found": found,
        "failed_first": bool(attempts) and attempts[0]["exit_code"] != 0,
        "healed_at_first_retry": bool(retry) and retry["exit_code"] == 0,
        "healed": bool(story) and story["healed"],
        "attempts": len(attempts),
        "timed_out": timed_out,
        "outcome": story["outcome"] if story else "no report",
        "changes": {key: value["to"] for key, value in retry["config_changes"].items()} if retry else {},
        "predicted": recommendation.get("predicted"),
        "unchanged_predicted": recommendation.get("baseline"),
        "retry_conf": retry_conf,
        "retry_wall_s": retry["wall_s"] if retry else None,
        "retry_cost_usd": cost_usd(retry_conf, job["master"], retry["wall_s"]) if retry else None,
        "degraded": decision.get("degraded", []),
    }


def _applied(conf, changes):
    applied = {**conf, **{key: change["to"] for key, change in changes.items()}}
    return {key: value for key, value in applied.items() if value is not None}


def judged(row):
    """Did the job end as it should: healed, refused, or retried as it was?"""
    if row["expected"]["healed_by"] == "none":
        return row["attempts"] == 1 and row["found"]["action"] == "do_not_retry"
    return row["healed_at_first_retry"]


def cost_ratio(row):
    """Cost of the healing retry over the cheapest configuration known to pass."""
    cheapest = (row["cheapest"] or {}).get("cost_usd")
    if not cheapest or not row["healed_at_first_retry"]:
        return None
    return row["retry_cost_usd"] / cheapest


def verdict(row):
    """One line of progress."""
    if not row["failed_first"]:
        return f"did not fail first: {row['outcome']}"
    changed = ", ".join(f"{key.removeprefix('spark.')}={value}" for key, value in row["changes"].items())
    mark = "as it should" if judged(row) else "NOT as it should"
    return f"{mark}: {row['found']['class']}, {row['found']['action']} {changed}; {row['outcome']}"


def _agrees(row, field):
    return row["found"][field] == row["expected"][field]


def _cell(row, field):
    found = row["found"][field] or "-"
    return found if _agrees(row, field) else f"{found} (not {row['expected'][field] or '-'})"


def _usd(value):
    return "-" if value is None else f"{value:.6f}"


def _baseline(row, name):
    if not row["baselines"]:
        return "-"
    baseline = row["baselines"][name]
    verdict = f"pass {baseline['retries']}" if baseline["passed"] else "fail"
    return f"{verdict} {_usd(baseline['cost_usd'])}"


def table(rows):
    """Everything on one page, a job a line."""
    head = ["job", "category", "side", "action", "1st retry", "attempts", "retry $", "x cheapest",
            *(f"{name} $" for name in LADDERS)]
    body = []
    for row in rows:
        ratio = cost_ratio(row)
        first = "passed" if row["healed_at_first_retry"] else ("failed" if row["attempts"] > 1 else "none")
        body.append([row["id"], _cell(row, "category"), _cell(row, "memory_side"), _cell(row, "action"), first,
                     str(row["attempts"]), _usd(row["retry_cost_usd"]), "-" if ratio is None else f"{ratio:.2f}",
                     *(_baseline(row, name) for name in LADDERS)])
    widths = [max(len(line[column]) for line in [head, *body]) for column in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in [head, *body])


def _share(rows, passes):
    return {"passed": sum(1 for row in rows if passes(row)), "of": len(rows)}


def totals(rows):
    """The figures that the project is judged by."""
    by = {kind: [row for row in rows if row["expected"]["healed_by"] == kind] for kind in ("configuration", "unchanged", "none")}
    ratios = sorted(ratio for ratio in map(cost_ratio, rows) if ratio is not None)
    result = {
        "failed_first": _share(rows, lambda row: row["failed_first"]),
        "category_right": _share(rows, lambda row: _agrees(row, "category")),
        "side_right": _share(by["configuration"], lambda row: _agrees(row, "memory_side")),
        "action_right": _share(rows, lambda row: _agrees(row, "action")),
        "memory_healed_at_first_retry": _share(by["configuration"], judged),
        "hopeless_refused": _share(by["none"], judged),
        "transient_healed_unchanged": _share(by["unchanged"], judged),
        "cost_over_cheapest_median": ratios[len(ratios) // 2] if ratios else None,
        "cost_over_cheapest_worst": ratios[-1] if ratios else None,
        "retry_cost_usd": sum(row["retry_cost_usd"] or 0 for row in rows),
    }
    if any(row["baselines"] for row in rows):
        for name in LADDERS:
            healed = [row for row in by["configuration"] if row["baselines"][name]["passed"]]
            result[f"{name}_memory_healed"] = {"passed": len(healed), "of": len(by["configuration"])}
            at_first = sum(row["baselines"][name]["retries"] == 1 for row in healed)
            result[f"{name}_memory_healed_at_first_retry"] = {"passed": at_first, "of": len(by["configuration"])}
            result[f"{name}_cost_usd"] = sum(row["baselines"][name]["cost_usd"] for row in rows)
    return result


def summary(figures):
    """The totals, a line each."""
    lines = []
    for name, value in figures.items():
        if isinstance(value, dict):
            text = f"{value['passed']} of {value['of']}"
        elif value is None:
            text = "-"
        else:
            text = f"{value:.6f}" if name.endswith("_usd") else f"{value:.2f}"
        lines.append(f"{name.replace('_', ' '):<42} {text}")
    return "\n".join(lines)
