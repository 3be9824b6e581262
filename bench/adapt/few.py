"""Tasks that come later with few rows: few.py PACKAGE TASKS OUT.jsonl [--k 4,16,32] [--seeds 5] [--steps 200] [--tune own ...] [--scratch pfeiffer]

For each NAME/NAME.task.json in TASKS, each K and seed: `graft adapt PACKAGE`, and for comparison `graft train` of an adapter from scratch on the same rows, both with the
same steps, batch, head and evaluations on dev. Every run is a line of OUT.jsonl with its command; what stands there is not done again. Ends with a table:
the primary metric on test, mean over seeds, and the difference with the standard error of the pairs.
GRAFT names the program ("dotnet artifacts/bin/Graft.Cli/debug/Graft.Cli.dll"; "graft" by default).
"""
import argparse
import json
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
        # A draw of one class alone is refused for both sides alike.
        return {"command": shlex.join(command), "error": done.stderr.strip().splitlines()[-1]}
    return {"command": shlex.join(command), "report": json.loads(done.stdout)}


def adapted(options, task, k, seed, tune, place):
    run = graft("adapt", options.package, "--task", task, "--examples", k, "--seed", seed, "--steps", options.steps, "--batch", min(k, 16),
                "--max-tokens", options.max_tokens, "--precision", options.precision, "--tune", tune, "--out", place)
    return run, run.get("report", {}).get("task")


def scratch(options, task, k, seed, method, place):
    recipe = place.with_suffix(".json")
    recipe.write_text(json.dumps({
        "backbone": options.backbone, "tasks": [str(task)], "method": method, "examples": k, "seed": seed, "steps": options.steps, "batch": min(k, 16),
        "max_tokens": options.max_tokens, "precision": options.precision, "evaluations": EVALUATIONS, "checkpoint_every": 0}))
    run = graft("train", recipe, "--out", place)
    return run, run.get("report", {}).get("tasks", [None])[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package")
    parser.add_argument("tasks", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--k", default="4,16,32")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--precision", default="f32")
    parser.add_argument("--backbone", default="minilm")
    parser.add_argument("--tune", nargs="+", default=["own"])
    parser.add_argument("--scratch", nargs="+", default=["pfeiffer"])
    options = parser.parse_args()
    sides = [(f"adapt {t}", adapted, t) for t in options.tune] + [(m, scratch, m) for m in options.scratch]
    lines = [json.loads(line) for line in options.out.read_text().splitlines()] if options.out.exists() else []
    done = {(r["task"], r["k"], r["seed"], r["side"]) for r in lines}
    counts = [int(k) for k in options.k.split(",")]
    with options.out.open("a") as out:
        for task in sorted(options.tasks.glob("*/*.task.json")):
            name = task.parent.name
            for k, seed, (side, run, what) in ((k, seed, s) for k in counts for seed in range(options.seeds) for s in sides):
                if (name, k, seed, side) in done:
                    continue
                with tempfile.TemporaryDirectory() as place:
                    result, report = run(options, task, k, seed, what, pathlib.Path(place) / "run")
                line = {"task": name, "k": k, "seed": seed, "side": side, "command": result["command"], "error": result.get("error")}
                if report:
                    metric = report["primaryMetric"]
                    line |= {"metric": metric, "dev": report["dev"][metric], "test": report["test"].get(metric), "seconds": report["seconds"]}
                lines.append(line)
                out.write(json.dumps(line) + "\n")
                out.flush()
                print(name, k, seed, side, line.get("test"), line["error"] or "", flush=True)
    table(lines, counts, [s[0] for s in sides])


def table(lines, counts, sides):
    first, *others = sides
    names = sorted({r["task"] for r in lines})
    print(f"\n| task | K | seeds | {' | '.join(sides)} | {' | '.join(f'{first} - {o}' for o in others)} |")
    print(f"|---|--:|--:|{'--:|' * (len(sides) + len(others))}")
    for name, k in ((n, k) for n in [*names, "all"] for k in counts):
        scores = {}
        for r in lines:
            if (name in ("all", r["task"])) and r["k"] == k and r.get("test") is not None:
                scores.setdefault((r["task"], r["seed"]), {})[r["side"]] = r["test"]
        pairs = [s for s in scores.values() if all(side in s for side in sides)]
        if not pairs:
            continue
        means = [f"{statistics.mean(s[side] for s in pairs):.3f}" for side in sides]
        gaps = [[s[first] - s[o] for s in pairs] for o in others]
        shown = [f"{statistics.mean(g):+.3f} ± {statistics.stdev(g) / len(g) ** 0.5 if len(g) > 1 else float('nan'):.3f}" for g in gaps]
        print(f"| {name} | {k} | {len(pairs)} | {' | '.join(means + shown)} |")


if __name__ == "__main__":
    main()
