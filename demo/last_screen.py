"""What the demonstration did, on one screen; exit code 0 only when a job failed first and was healed.

usage: last_screen.py REPORT FAILURES PATCHES (the JSON of `submit --report`, `failures list`, `patches list`)
"""

import json
import sys
import textwrap

WIDTH = 118


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def dollars(usd):
    return "unknown" if usd is None else f"${usd:.6f}"


def chance(prediction):
    return f"fails with {prediction['failure_probability']:.0%}, costs {dollars(prediction['cost_usd'])}"


def change(key, values):
    return f"  {key}: {values['from'] or '(default)'} -> {values['to'] or '(default)'}"


def screen(report, failures, patches):
    first, last = report["attempts"][0], report["attempts"][-1]
    decision = first["decision"] or {}
    classification = decision.get("classification", {})
    recommendation = decision.get("recommendation") or {}
    yield "-" * WIDTH
    yield f"failed      attempt 1 of {report['job']['job']}, exit code {first['exit_code']}, after {first['wall_s']:.0f} s"
    yield f"why         {classification.get('class')}: {classification.get('summary')}"
    for evidence in classification.get("evidence", [])[:1]:
        yield from textwrap.wrap(f"{evidence['log']}:{evidence['line']}: {evidence['text']}", WIDTH - 12, max_lines=3,
                                 initial_indent=" " * 12, subsequent_indent=" " * 14)
    yield f"changed     by the patch {(decision.get('patch') or {}).get('id')}, for this run's next attempts"
    yield from (change(key, values) for key, values in last["config_changes"].items())
    if recommendation.get("baseline"):
        yield f"predicted   unchanged: {chance(recommendation['baseline'])}"
    if recommendation.get("predicted"):
        yield f"            changed:   {chance(recommendation['predicted'])} (model {recommendation.get('model_version')})"
    yield f"happened    attempt {last['attempt']} ended with exit code {last['exit_code']} after {last['wall_s']:.0f} s, " \
        f"cost {dollars(last['cost_usd'])}"
    yield f"outcome     {report['outcome']}"
    yield f"stored      {len(failures)} failure, {len(patches)} patch(es): " \
        + ", ".join(f"{patch['source']} {patch['status']}" for patch in patches)
    yield "next        make build; target/release/paramedic serve; paramedic submit -- spark-submit your_job.py"
    yield "            paramedic failures list; README.md has the REST calls and how to write a rule"
    yield "-" * WIDTH


def main(arguments):
    report, failures, patches = (load(path) for path in arguments)
    for listing in (failures, patches):
        assert isinstance(listing, (list, dict)), "a listing is a list or a page"
    failures, patches = (page["items"] if isinstance(page, dict) else page for page in (failures, patches))
    print("\n".join(line[:WIDTH] for line in screen(report, failures, patches)))
    healed = report["healed"] and report["attempts"][0]["exit_code"] != 0
    if not healed:
        print("demo: the job was not healed", file=sys.stderr)
    return 0 if healed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
