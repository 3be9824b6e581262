"""Makes task folders from published files, for comparisons: tasks.py DATA OUT [six|eight|known|few]

DATA holds folders of tasks as published, such as sst-2/ and trec/; OUT gets NAME/train.tsv, NAME/test.tsv, where it is published NAME/dev.tsv,
and NAME/NAME.task.json.

six    single texts: sst-2, cr, subj, trec-6, emotion, agnews
eight  a mixture for multi-task methods: sst-2, cola, mrpc, rte, sts-b, qnli, trec-6, scitail
known  a mixture to adapt from: mnli with all of its 8,999 rows, sst-2, qqp, scitail, mrpc, rte, sts-b and qnli with at most 2,000
few    for tasks that come later with few examples: cb, wic, boolq

Published labelled test splits are kept as they are. Where a set's test labels are not public, its dev split is the test split, and Graft cuts
a dev split from train, as it does where none is published. SST-2 has whole sentences in train (bench/sst-2/whole_sentences.py says why).
Subj and CR come without splits: a fifth of the distinct sentences of each label, drawn by seed 0, is the test split. Of SciTail and BoolQ
one published file is at hand: SciTail's rows before 1500 train, the others test. MNLI's, QQP's and QNLI's train are samples of 8,999 rows. The tasks of "few" are trained many times
on up to 32 rows: BoolQ, whose texts are long, has rows 2300 to 2399 as dev and 2400 to 2699 as test; of CB, whose val has but 56 rows, 100, 50 and 156 are drawn from train and val by seed 0.
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


def cola(source, _):
    return {split: [(sentence, label) for _, label, _, sentence in (line.split("\t") for line in data.read(source / f"cola/{name}.tsv", "utf-8"))]
            for split, name in (("train", "train"), ("test", "dev"))}


def glue_pair(name, *columns):
    """A task of two texts whose train and dev files are tab-separated with a header."""
    return lambda source, _: {split: data.columns(source / name / f"{file}.tsv", *columns) for split, file in (("train", "train"), ("test", "dev"))}


def numbered(source, name):
    """The rows of a file with one JSON object of all rows by their numbers."""
    return [(row["text_a"], row["text_b"], row["label"]) for row in json.loads((source / name).read_text(encoding="utf-8")).values()]


def qnli(source, _):
    return {"train": numbered(source, "qnli/train.json"), "test": data.columns(source / "qnli/dev.tsv", "question", "sentence", "label")}


def lines_of(source, name, *keys):
    """The rows of a file with a JSON object a line; truth values as JSON writes them."""
    return [tuple(value if isinstance(value, str) else json.dumps(value) for value in (row[key] for key in keys))
            for row in map(json.loads, data.read(source / name, "utf-8"))]


def cut(name, at, *keys):
    def make(source, _):
        rows = lines_of(source, name, *keys)
        return {"train": rows[:at], "test": rows[at:]}
    return make


def cb(source, _):
    # Its files are in an order in which labels are not spread evenly.
    rows = [row for name in ("train", "val") for row in lines_of(source, f"cb/{name}.jsonl", "premise", "hypothesis", "label")]
    random.Random(0).shuffle(rows)
    return {"train": rows[:100], "dev": rows[100:150], "test": rows[150:]}


def boolq(source, _):
    rows = lines_of(source, "boolq/dev.jsonl", "question", "passage", "answer")
    return {"train": rows[:2300], "dev": rows[2300:2400], "test": rows[2400:2700]}


def wic(source, _):
    """Does a word mean the same in two sentences? It is named in front of the first one."""
    def rows(name):
        texts = (line.split("\t") for line in data.read(source / f"wic/{name}.data.txt", "utf-8"))
        return [(f"{word}: {first}", second, label) for (word, _, _, first, second), label in zip(texts, data.read(source / f"wic/{name}.gold.txt", "utf-8"))]
    return {split: rows(split) for split in ("train", "dev", "test")}


def some(make, train, test=500):
    """As many rows of a task, drawn by seed 0."""
    def fewer(source, folder):
        return {split: random.Random(0).sample(rows, min(len(rows), train if split == "train" else test)) for split, rows in make(source, folder).items()}
    return fewer


def mnli(source, _):
    return {"train": numbered(source, "mnli/train.json"), "test": lines_of(source, "mnli/dev.jsonl", "premise", "hypothesis", "label")}


def qqp(source, _):
    return {"train": numbered(source, "qqp/train.json"), "test": numbered(source, "qqp/dev.json")}


PAIRS = {
    "mrpc": glue_pair("mrpc", "#1 String", "#2 String", "Quality"), "rte": glue_pair("rte", "sentence1", "sentence2", "label"),
    "sts-b": glue_pair("sts-b", "sentence1", "sentence2", "score"), "qnli": qnli,
}
SCITAIL = cut("scitail/test.jsonl", 1500, "premise", "hypothesis", "label")
SUITES = {
    "six": {"sst-2": sst2, "cr": cr, "subj": subj, "trec-6": trec6, "emotion": emotion, "agnews": agnews},
    "eight": {
        "sst-2": sst2, "cola": cola, **PAIRS, "trec-6": trec6, "scitail": SCITAIL,
    },
    "known": {"mnli": some(mnli, 9000), **{name: some(make, 2000) for name, make in ({"sst-2": sst2, "qqp": qqp, "scitail": SCITAIL} | PAIRS).items()}},
    "few": {"cb": cb, "wic": wic, "boolq": boolq},
}
METRICS = {"cola": ["matthews"], "sts-b": ["pearson", "spearman"]}


def clean(text):
    """One line without tabs, as a TSV field must be."""
    return " ".join(text.split())


def prepare(source, out, suite="six"):
    for name, make in SUITES[suite].items():
        folder = pathlib.Path(out) / name
        folder.mkdir(parents=True, exist_ok=True)
        splits = make(pathlib.Path(source), folder)
        texts = ("first", "second") if len(splits["train"][0]) == 3 else ("text",)
        for split, rows in splits.items():
            fields = [[clean(field) for field in row] for row in rows]
            lines = ["\t".join((*texts, "label")), *("\t".join(row) for row in fields if all(row))]
            (folder / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        task = {"name": name, "kind": "regression" if name == "sts-b" else "classification", "text": texts[0], "label": "label",
                "metrics": METRICS.get(name, ["accuracy", "macro_f1"]), "files": {split: f"{split}.tsv" for split in splits}}
        if len(texts) == 2:
            task["textPair"] = "second"
        (folder / f"{name}.task.json").write_text(json.dumps(task, indent=2) + "\n", encoding="utf-8")
        print(name, *(f"{split} {len(rows)}" for split, rows in splits.items()))


if __name__ == "__main__":
    prepare(*sys.argv[1:4])
