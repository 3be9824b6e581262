"""Makes six task folders from published files, for comparisons: tasks.py DATA OUT

DATA holds sst-2/, trec/, subj/, cr/, tweeteval-emotion/ and agnews/ as published; OUT gets NAME/train.tsv, NAME/test.tsv, where it is
published NAME/dev.tsv, and NAME/NAME.task.json. Published test splits are kept as they are. SST-2 has whole sentences in train
(bench/sst-2/whole_sentences.py says why) and GLUE's dev split, the only other labelled one, as test. Subj and CR come without
splits: a fifth of the distinct sentences of each label, drawn by seed 0, is the test split. Where no dev split is published,
Graft cuts one from train.
"""
import csv
import json
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "methods"))
import data  # noqa: E402


def sst2(source, folder):
    train, dev = data.sst2(source, folder)
    return {"train": train, "test": dev}


def trec6(source, _):
    return {split: [(question.strip(), label.split(":")[0]) for label, question in
                    (line.split(" ", 1) for line in data.read(source / f"trec/TREC.{split}", "latin-1"))] for split in ("train", "test")}


def drawn(by_label):
    splits = {"train": [], "test": []}
    order = random.Random(0)
    for label, path in by_label.items():
        # cp1252 reads what latin-1 reads, but for the quotes and dashes that are meant.
        sentences = list(dict.fromkeys(line.strip() for line in data.read(path, "cp1252")))
        order.shuffle(sentences)
        cut = len(sentences) // 5
        splits["test"] += [(sentence, label) for sentence in sentences[:cut]]
        splits["train"] += [(sentence, label) for sentence in sentences[cut:]]
    return splits


def subj(source, _):
    return drawn({name: source / f"subj/subj.{name}" for name in ("objective", "subjective")})


def cr(source, _):
    return drawn({"negative": source / "cr/custrev.neg", "positive": source / "cr/custrev.pos"})


def emotion(source, _):
    folder = source / "tweeteval-emotion"
    names = dict(line.split("\t") for line in data.read(folder / "mapping.txt"))
    files = {"train": "train", "dev": "val", "test": "test"}
    return {split: [(text.strip(), names[label.strip()]) for text, label in
                    zip((folder / f"{name}_text.txt").read_text(encoding="utf-8").split("\n"), data.read(folder / f"{name}_labels.txt"))]
            for split, name in files.items()}


def agnews(source, _):
    names = data.read(source / "agnews/classes.txt")

    def rows(name):
        with (source / f"agnews/{name}.csv").open(encoding="utf-8-sig", newline="") as file:
            return [(f"{title.strip()}. {text.strip()}", names[int(label) - 1]) for label, title, text in csv.reader(file) if label.strip().isdigit()]
    return {"train": rows("train"), "test": rows("test")}


TASKS = {"sst-2": sst2, "cr": cr, "subj": subj, "trec-6": trec6, "emotion": emotion, "agnews": agnews}


def clean(text):
    """One line without tabs, as a TSV field must be."""
    return " ".join(text.split())


def prepare(source, out):
    for name, make in TASKS.items():
        folder = pathlib.Path(out) / name
        folder.mkdir(parents=True, exist_ok=True)
        splits = make(pathlib.Path(source), folder)
        for split, rows in splits.items():
            lines = ["text\tlabel", *(f"{clean(text)}\t{label}" for text, label in rows if clean(text))]
            (folder / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        task = {"name": name, "kind": "classification", "text": "text", "label": "label", "metrics": ["accuracy", "macro_f1"],
                "files": {split: f"{split}.tsv" for split in splits}}
        (folder / f"{name}.task.json").write_text(json.dumps(task, indent=2) + "\n", encoding="utf-8")
        print(name, *(f"{split} {len(rows)}" for split, rows in splits.items()))


if __name__ == "__main__":
    prepare(*sys.argv[1:3])
