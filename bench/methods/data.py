"""Makes task folders from published files: data.py DATA OUT

DATA holds sst-2/, trec/ and mrpc/ as published; OUT gets NAME/train.tsv, NAME/dev.tsv and NAME/NAME.task.json for each of them.
No test file is read. SST-2 keeps whole sentences (bench/sst-2/whole_sentences.py says why) and GLUE's dev split; MRPC is GLUE's train and
dev; TREC-6, which has no dev split, gives a tenth of each of its six coarse labels, drawn by seed 0.
"""
import csv
import json
import pathlib
import random
import subprocess
import sys

TASKS = ("sst-2", "trec-6", "mrpc")


def read(path, encoding="utf-8-sig"):
    """The lines of a file that hold something; characters that Python alone takes for a line's end stay in their line."""
    return [line.rstrip("\r") for line in path.read_text(encoding=encoding).split("\n") if line.strip()]


def columns(path, *names):
    rows = csv.DictReader(path.open(encoding="utf-8-sig", newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
    return [tuple(row[name].strip() for name in names) for row in rows]


def sst2(source, folder):
    whole = folder / "whole.tsv"
    script = pathlib.Path(__file__).resolve().parents[1] / "sst-2" / "whole_sentences.py"
    subprocess.run([sys.executable, script, source / "sst-2/train.tsv", whole], check=True, stderr=subprocess.DEVNULL)
    rows = columns(whole, "sentence", "label")
    whole.unlink()
    return rows, columns(source / "sst-2/dev.tsv", "sentence", "label")


def mrpc(source, _):
    names = ("#1 String", "#2 String", "Quality")
    return columns(source / "mrpc/train.tsv", *names), columns(source / "mrpc/dev.tsv", *names)


def trec6(source, _):
    by_label = {}
    for line in read(source / "trec/TREC.train", "latin-1"):
        label, question = line.split(" ", 1)
        by_label.setdefault(label.split(":")[0], []).append(question.strip())
    train, dev, order = [], [], random.Random(0)
    for label in sorted(by_label):
        questions = by_label[label]
        drawn = set(order.sample(range(len(questions)), len(questions) // 10))
        for number, question in enumerate(questions):
            (dev if number in drawn else train).append((question, label))
    return train, dev


def write(folder, name, train, dev):
    pair = ("first", "second") if len(train[0]) == 3 else ("text",)
    for split, rows in (("train", train), ("dev", dev)):
        lines = ["\t".join((*pair, "label")), *("\t".join(row) for row in rows)]
        (folder / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    task = {"name": name, "kind": "classification", "text": pair[0], "label": "label", "metrics": ["accuracy", "macro_f1"],
            "files": {"train": "train.tsv", "dev": "dev.tsv"}}
    if len(pair) == 2:
        task["textPair"] = pair[1]
    (folder / f"{name}.task.json").write_text(json.dumps(task, indent=2) + "\n", encoding="utf-8")


def prepare(source, out):
    """Makes the folders that are not there yet."""
    for name, make in zip(TASKS, (sst2, trec6, mrpc)):
        folder = pathlib.Path(out) / name
        if not (folder / f"{name}.task.json").exists():
            folder.mkdir(parents=True, exist_ok=True)
            write(folder, name, *make(pathlib.Path(source), folder))


def majority(out, name):
    """The accuracy on dev of always answering the commonest label of the whole train file."""
    train, dev = ([line.rsplit("\t", 1)[1] for line in read(pathlib.Path(out) / name / f"{split}.tsv")[1:]] for split in ("train", "dev"))
    commonest = max(sorted(set(train)), key=train.count)
    return dev.count(commonest) / len(dev)


if __name__ == "__main__":
    prepare(*sys.argv[1:3])
    for task in TASKS:
        print(task, *(len(read(pathlib.Path(sys.argv[2]) / task / f"{split}.tsv")) - 1 for split in ("train", "dev")), majority(sys.argv[2], task))
