"""Prints the table of methods in Markdown: table.py OUT [STEPS.json], with what train.py wrote and what Graft.Bench.Methods wrote."""
import json
import pathlib
import statistics
import sys

import data

lines = [json.loads(line) for line in (pathlib.Path(sys.argv[1]) / "runs.jsonl").read_text().splitlines()]
steps = {row["method"]: row for row in json.loads(pathlib.Path(sys.argv[2]).read_text())["methods"]} if len(sys.argv) > 2 else {}
names = sorted({line["method"] for line in lines})


def of(method, task=None):
    return [line for line in lines if line["method"] == method and (task is None or line["task"] == task)]


def accuracy(method, task):
    values = [line["dev"]["accuracy"] for line in of(method, task)]
    if not values:
        return ""
    return f"{statistics.mean(values):.3f} ± {statistics.stdev(values):.3f}" if len(values) > 1 else f"{values[0]:.3f}"


def size(count):
    return f"{count:,}"


head = ["method", *(f"{task}, dev accuracy" for task in data.TASKS), "trained parameters", "stored parameters", "bytes per task", "processor seconds"]
if steps:
    head.append("step, times head's")
print("| " + " | ".join(head) + " |")
print("|---|" + "--:|" * (len(head) - 1))
for name in names:
    # Sizes with the head of two labels, where there is one; seconds are the median over every run.
    sample = next((line for line in of(name) if line["task"] == "sst-2"), of(name)[0])
    cells = [f"`{name}`", *(accuracy(name, task) for task in data.TASKS), size(sample["trained_parameters"]), size(sample["stored_parameters"]),
             size(sample["adapter_bytes"] + sample["head_bytes"]), f"{statistics.median(line['cpu_seconds'] for line in of(name)):.0f}"]
    if steps:
        cells.append(f"{steps[name]['ratio']:.2f}" if name in steps else "")
    print("| " + " | ".join(cells) + " |")
shares = {task: next((line["majority"] for line in lines if line["task"] == task), None) for task in data.TASKS}
print("| majority class | " + " | ".join("" if share is None else f"{share:.3f}" for share in shares.values()) + " |" + " |" * (len(head) - 4))
below = [f"{line['method']} on {line['task']} with seed {line['seed']}" for line in lines if line["dev"]["accuracy"] <= line["majority"]]
print(f"\nNot above the majority class: {', '.join(below) or 'none'}.")
