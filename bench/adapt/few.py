"""Tasks that come later with few rows: few.py PACKAGE TASKS OUT.jsonl [--k 4,16,32] [--seeds 5] [--steps 200] [--lr 3e-4,1e-3,3e-3] [--tune own ...] [--scratch pfeiffer]

For each NAME/NAME.task.json in TASKS, each K and seed: `graft adapt PACKAGE`, and for comparison `graft train` of an adapter from scratch on the same rows, both with the
same steps, batch, evaluations on dev, and rate of the head (--head-factor times --lr); a package whose head has settings of its own wants them in --train too. With --lr every run is made with
every one of the rates, the same for all sides, and of a task and side the one rate counts that is best on dev on average over K and seeds; without it each side trains at its
method's own. A draw of one class alone is refused, for all sides alike, and the next seed takes its place. Every run is a line of OUT.jsonl with its command; what stands there is not done again, unless it
failed. Ends with a table: the primary metric on test, mean over seeds, and the difference with the standard error of the pairs.
GRAFT names the program ("dotnet artifacts/bin/Graft.Cli/debug/Graft.Cli.dll"; "graft" by default).
"""
import argparse
import json
import math
import os
import pathlib
import shlex
import statistics
import subprocess
import tempfile

EVALUATIONS = 5


def graft(*words):
    command = [*shlex.split(os.environ.get("GRAFT", "graft")), *map(str, words), "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return {"command": shlex.join(command), "error": (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]}
    return {"command": shlex.join(command), "report": json.loads(done.stdout)}


def adapted(options, task, k, seed, tune, rate, place):
    run = graft("adapt", options.package, "--task", task, "--examples", k, "--seed", seed, "--steps", options.steps, "--batch", min(k, 16),
                "--max-tokens", options.max_tokens, "--precision", options.precision, "--tune", tune, "--head-factor", options.head_factor, *shlex.split(options.adapt),
                *([] if rate is None else ["--lr", rate]), "--out", place)
    return run, run.get("report", {}).get("task")


def scratch(options, task, k, seed, method, rate, place):
    recipe = place.with_suffix(".json")
    recipe.write_text(json.dumps({
        "backbone": options.backbone, "tasks": [str(task)], "method": method, "examples": k, "seed": seed, "steps": options.steps, "batch": min(k, 16), "lr": rate,
        "max_tokens": options.max_tokens, "precision": options.precision, "evaluations": EVALUATIONS, "checkpoint_every": 0, "head_factor": options.head_factor,
        **json.loads(options.train)}))
    run = graft("train", recipe, "--out", place)
    return run, run.get("report", {}).get("tasks", [None])[0]


class Runs:
    """The lines of a file; a run that is there is not done again, unless it failed."""

    def __init__(self, options):
        self.options = options
        # What a run was made with besides its key: other settings are other runs.
        self.settings = {name: str(getattr(options, name)) for name in ("package", "steps", "max_tokens", "precision", "backbone", "head_factor", "adapt", "train")}
        self.lines = [json.loads(line) for line in options.out.read_text().splitlines()] if options.out.exists() else []

    def find(self, *key):
        refused = "take more rows or another seed"
        found = [r for r in self.lines if (r["task"], r["k"], r["seed"], r["side"], r.get("lr")) == key and (not r["error"] or refused in r["error"]) and r.get("settings") == self.settings]
        return found[-1] if found else None

    def do(self, task, k, seed, side, rate):
        label, run, what = side
        key = (task.parent.name, k, seed, label, rate)
        if line := self.find(*key):
            return line
        with tempfile.TemporaryDirectory() as place:
            result, report = run(self.options, task, k, seed, what, rate, pathlib.Path(place) / "run")
        line = dict(zip(("task", "k", "seed", "side", "lr"), key)) | {"settings": self.settings, "command": result["command"], "error": result.get("error")}
        if report:
            metric = report["primaryMetric"]
            line |= {"metric": metric, "dev": report["dev"][metric], "test": report["test"].get(metric), "seconds": report["seconds"]}
        self.lines.append(line)
        with self.options.out.open("a") as out:
            out.write(json.dumps(line) + "\n")
        print(*key, line.get("test"), line["error"] or "", flush=True)
        return line


def drawn(runs, options, task, k, side, rate):
    """The runs of the first seeds whose rows can be trained on: a draw of one class alone is refused, for all sides alike."""
    good, seed = [], 0
    while len(good) < options.seeds and seed < 4 * options.seeds:
        line = runs.do(task, k, seed, side, rate)
        seed += 1
        if line.get("dev") is not None:
            good.append(line)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package")
    parser.add_argument("tasks", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--k", default="4,16,32")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--lr", default="", help="rates to choose from by dev, for all sides alike")
    parser.add_argument("--head-factor", type=float, default=3, help="what the rate is multiplied by for the head, on all sides")
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--precision", default="f32")
    parser.add_argument("--backbone", default="minilm")
    parser.add_argument("--tune", nargs="+", default=["own"])
    parser.add_argument("--adapt", default="", help="more options of graft adapt, such as '--start best'")
    parser.add_argument("--train", default="{}", help="more settings of the adapters from scratch, such as '{\"head_layers\": 2}'")
    parser.add_argument("--scratch", nargs="+", default=["pfeiffer"])
    options = parser.parse_args()
    sides = [(f"adapt {t} {options.adapt}".strip(), adapted, t) for t in options.tune] + [(f"{m} {options.train if options.train != '{}' else ''}".strip(), scratch, m) for m in options.scratch]
    counts = [int(k) for k in options.k.split(",")]
    rates = [float(rate) for rate in options.lr.split(",") if rate] or [None]
    runs, kept = Runs(options), []
    for task in sorted(options.tasks.glob("*/*.task.json")):
        for side in sides:
            tried = {rate: [line for k in counts for line in drawn(runs, options, task, k, side, rate)] for rate in rates}
            dev = {r: statistics.mean(line["dev"] for line in tried[r]) if tried[r] else -math.inf for r in rates}
            rate = max(rates, key=dev.get)
            print(f"{task.parent.name}, {side[0]}: of the rates {', '.join(f'{r} ({score:.3f} on dev)' for r, score in dev.items())} it is {rate}")
            kept += tried[rate]
    table(kept, counts, [s[0] for s in sides])


def table(lines, counts, sides):
    first, *others = sides
    names = sorted({r["task"] for r in lines})
    print(f"\n| task | K | seeds | {' | '.join(sides)} | {' | '.join(f'{first} - {o}' for o in others)} |")
    print(f"|---|--:|--:|{'--:|' * (len(sides) + len(others))}")
    for name, k in ((n, k) for n in names for k in [*counts, "all"]):
        scores = {}
        for r in lines:
            if r["task"] == name and k in ("all", r["k"]) and r.get("test") is not None:
                scores.setdefault((r["k"], r["seed"]), {})[r["side"]] = r["test"]
        pairs = [s for s in scores.values() if all(side in s for side in sides)]
        if not pairs:
            continue
        means = [f"{statistics.mean(s[side] for s in pairs):.3f}" for side in sides]
        gaps = [[s[first] - s[o] for s in pairs] for o in others]
        shown = [f"{statistics.mean(g):+.3f} ± {statistics.stdev(g) / len(g) ** 0.5 if len(g) > 1 else float('nan'):.3f}" for g in gaps]
        print(f"| {name} | {k} | {len(pairs)} | {' | '.join(means + shown)} |")


if __name__ == "__main__":
    main()
