"""Trains every method on SST-2, TREC-6 and MRPC: train.py DATA --out DIR [--jobs N] [--dry-run]

Each run is `graft train --method NAME` on 1,000 rows for 3 epochs (MRPC 5) in a process of one thread, evaluated on dev after each epoch; seeds 0, 1
and 2 draw the rows, their order, the initial values and dropout. Test files are not read. OUT/runs.jsonl gets one object a finished run,
and a run that is there is not repeated, so the script may be stopped and started again. It works on a copy of the built program in
OUT/program, which later builds do not change (delete it to measure anew). bench/methods/table.py prints the table.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

import data

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = 1000
EPOCHS = {"sst-2": 3, "trec-6": 3, "mrpc": 5}  # 1,000 rows of pairs need more passes before anything beats the majority class
SEEDS = (0, 1, 2)

# The frozen weights as bfloat16, which oneDNN multiplies about twice as fast as float32; what is trained stays float32.
PRECISION = "bf16"

# Methods that their default settings do not suit here, with what they are given instead. One linear map of the mean of frozen vectors stays
# below the majority class on MRPC; with a hidden layer it does not.
OVERRIDES = {"head": ["--head-layers", "2", "--lr", "0.001"]}

# Seconds of one run of `lora` in one thread of an AMD EPYC, for an estimate before anything has been measured.
SECONDS = {"sst-2": 38, "trec-6": 20, "mrpc": 105}


def program(out):
    """The built command, copied once so that a long measurement does not mix two versions."""
    folder = out / "program"
    if not folder.exists():
        subprocess.run([ROOT / "graft", "--version"], check=True, stdout=subprocess.DEVNULL)
        shutil.copytree(ROOT / "artifacts/bin/Graft.Cli/release", folder.with_suffix(".tmp"), dirs_exist_ok=True)
        folder.with_suffix(".tmp").rename(folder)
    return ["dotnet", str(folder / "Graft.Cli.dll")]


def methods(graft):
    listed = subprocess.run([*graft, "methods", "--json"], check=True, capture_output=True, text=True).stdout
    return [method["name"] for method in json.loads(listed)["methods"]]


def package(out, method, task, seed):
    return out / "packages" / method / f"{task}-{seed}"


def arguments(out, method, task, seed):
    """What follows `graft train`, but for the folders."""
    words = ["--method", method, "--examples", str(EXAMPLES), "--epochs", str(EPOCHS[task]), "--seed", str(seed), "--precision", PRECISION]
    if method == "fusion":  # over the trained adapters of this task and of the next one
        other = data.TASKS[(data.TASKS.index(task) + 1) % len(data.TASKS)]
        children = [package(out, "pfeiffer", name, seed) / name for name in (task, other)]
        words += ["--set", "adapters=" + ",".join(map(str, children))]
    return words + OVERRIDES.get(method, [])


def stored_parameters(folder):
    """The elements of the adapter's file, from the header of the safetensors format."""
    with (folder / "adapter.safetensors").open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    total = 0
    for key, tensor in header.items():
        if key != "__metadata__":
            product = 1
            for size in tensor["shape"]:
                product *= size
            total += product
    return total


def timed(command):
    """Runs a command in one thread: its exit code, standard output, standard error, and the processor's seconds, which others do not disturb."""
    with tempfile.TemporaryFile("w+") as answer, tempfile.TemporaryFile("w+") as remarks:
        process = subprocess.Popen(command, stdout=answer, stderr=remarks, env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        for file in (answer, remarks):
            file.seek(0)
        return process.returncode, answer.read(), remarks.read(), usage.ru_utime + usage.ru_stime


def run(graft, out, method, task, seed):
    folder = package(out, method, task, seed)
    words = arguments(out, method, task, seed)
    command = [*graft, "train", "--tasks", str(out / "data" / task / f"{task}.task.json"), *words, "--out", str(folder), "--overwrite", "--json"]
    code, answer, remarks, cpu = timed(command)
    if code != 0:
        raise RuntimeError(f"{' '.join(command)}\n  {remarks.strip().splitlines()[-1] if remarks.strip() else code}")
    report = json.loads(answer)
    summary = report["tasks"][0]
    shutil.rmtree(folder / "training")
    return {
        "method": method, "task": task, "seed": seed, "arguments": words[2:], "config": report["config"],
        "dev": summary["dev"], "majority": data.majority(out / "data", task), "best_step": summary["bestStep"], "steps": summary["steps"],
        "seconds": summary["seconds"], "cpu_seconds": round(cpu, 1), "trained_parameters": summary["trainedParameters"],
        "stored_parameters": stored_parameters(folder / task), "adapter_bytes": summary["adapterBytes"], "head_bytes": summary["headBytes"],
        "versions": report["versions"],
    }


def finished(out):
    path = out / "runs.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return {(line["method"], line["task"], line["seed"]): line for line in lines}


def estimate(done, method, task):
    """The median of this method's runs, else of the task's, else what lora took."""
    same = [line["cpu_seconds"] for line in done.values() if line["task"] == task and line["method"] == method]
    alike = same or [line["cpu_seconds"] for line in done.values() if line["task"] == task]
    return statistics.median(alike) if alike else SECONDS[task]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="the folder that holds sst-2/, trec/ and mrpc/ as published")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the folder for data, packages and runs.jsonl")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at a time, of one thread each")
    parser.add_argument("--methods", help="only these, separated by commas")
    parser.add_argument("--tasks", default=",".join(data.TASKS), help="only these, separated by commas")
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)), help="only these, separated by commas")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done and how long it would take")
    options = parser.parse_args()
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    graft = program(out)
    names = options.methods.split(",") if options.methods else methods(graft)
    done = finished(out)
    # Seed by seed, so that a table of all methods is there early; fusion after the adapters that it fuses.
    wanted = [(method, task, int(seed)) for seed in options.seeds.split(",") for task in options.tasks.split(",")
              for method in names if method != "fusion"]
    fusions = [("fusion", task, int(seed)) for seed in options.seeds.split(",") for task in options.tasks.split(",") if "fusion" in names]
    left = [[key for key in keys if key not in done] for keys in (wanted, fusions)]
    seconds = sum(estimate(done, method, task) for method, task, _ in left[0] + left[1])
    count = len(left[0]) + len(left[1])
    print(f"{len(names)} methods, {len(wanted) + len(fusions)} runs, {count} to do: about {seconds / 60:.0f} minutes of one core, "
          f"{seconds / 60 / options.jobs:.0f} minutes with {options.jobs} processes at a time")
    if options.dry_run:
        return 0
    data.prepare(options.data, out / "data")
    subprocess.run([*graft, "pull", "minilm"], check=True, stdout=subprocess.DEVNULL)
    lock, failures, begun, ended = threading.Lock(), [], time.time(), 0

    def work(key):
        nonlocal ended
        try:
            line = run(graft, out, *key)
        except (RuntimeError, OSError, KeyError, ValueError) as fault:
            with lock:
                failures.append(key)
                print(f"FAILED {' '.join(map(str, key))}: {fault}", file=sys.stderr, flush=True)
            return
        with lock, (out / "runs.jsonl").open("a") as file:
            ended += 1
            file.write(json.dumps(line) + "\n")
            print(f"{ended}/{count} after {(time.time() - begun) / 60:.1f} min  {key[0]} {key[1]} seed {key[2]}: dev {line['dev']['accuracy']:.4f} "
                  f"(majority {line['majority']:.4f}), {line['cpu_seconds']:.0f} s", flush=True)

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for keys in left:
            list(pool.map(work, keys))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
