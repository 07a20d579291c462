"""What became of real retries, as the recommender's own measurements: `models/measured/README.md` tells the format."""

import json
import re
import urllib.error
import urllib.request

TIMEOUT_S = 10

# Of a recorded attempt: what the recommender looks at, and nothing that names a machine.
ATTEMPT = ("job", "config", "status", "class", "category", "memory_side", "evidence")


def ledger(server, story):
    """The ledger's line of the first failure, or nothing where there is none."""
    attempts = story["attempts"] if story else []
    failure_id = ((attempts[0].get("decision") if attempts else None) or {}).get("failure_id")
    if not failure_id:
        return None
    try:
        with urllib.request.urlopen(f"{server}/v1/failures/{failure_id}/ledger", timeout=TIMEOUT_S) as answer:
            return json.load(answer)
    except (urllib.error.URLError, OSError, ValueError):
        return None


def write(path, rows):
    """One line a failure whose memory ran out: the failed attempt, its classification, and every retry that was run."""
    lines = [line for line in map(measured, rows) if line]
    path.write_text("".join(json.dumps(line, sort_keys=True) + "\n" for line in lines))


def measured(row):
    line = row["ledger"]
    if not line or not line.get("attempt") or not row["expected"]["memory_side"]:
        return None
    failed = {key: line["attempt"][key] for key in ATTEMPT if key in line["attempt"]}
    failed["config"] = memory_settings(failed["config"])
    event_log = (failed.get("evidence") or {}).get("event_log") or {}
    for key in ("application_id", "spark_properties"):
        event_log.pop(key, None)
    for stage in event_log.get("stages", []):
        stage["name"] = re.sub(r"/\S*/", "", stage.get("name", ""))
    return {"id": row["id"], "failed": failed, "classification": classification(line["classification"]),
            "retries": [retry(failed["config"], run) for run in runs(row)]}


def classification(found):
    """Without the lines of the log."""
    return {**found, "evidence": []}


def runs(row):
    """Every run of the job after its failure, each configuration as often as it was run."""
    found = []
    if row["retry_conf"]:
        found.append({"conf": row["retry_conf"], "passed": row["healed_at_first_retry"], "wall_s": row["retry_wall_s"]})
    if (row["cheapest"] or {}).get("measured"):
        found.append(row["cheapest"])
    for ladder in (row["baselines"] or {}).values():
        found.extend(ladder["runs"])
    # Whether a run that was cut off would have passed is not known.
    return [run for run in found if not run.get("timed_out")]


def retry(failed, run):
    return {"config": {**failed, **memory_settings(run["conf"])}, "failed": not run["passed"], "seconds": run["wall_s"]}


def memory_settings(conf):
    """Spark's settings without those that hold paths or names."""
    return {key: value for key, value in conf.items()
            if key == "spark.master" or (key.startswith(KEPT) and not key.endswith(FREE_TEXT))}


KEPT = ("spark.executor.", "spark.driver.", "spark.memory.", "spark.task.", "spark.sql.shuffle.",
        "spark.sql.autoBroadcast", "spark.kryoserializer.", "spark.dynamicAllocation.")
FREE_TEXT = ("Options", "ClassPath", "LibraryPath", "host", "bindAddress")
