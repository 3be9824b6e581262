"""Keeps the rows of GLUE's SST-2 train.tsv that are whole sentences: whole_sentences.py TRAIN.tsv OUT.tsv

GLUE's train split holds every labelled phrase of the treebank (9 words on average), while its dev split holds whole sentences. A row
is taken for a whole sentence when no other row contains it and it ends a sentence or has 12 words.
"""
import sys

lines = open(sys.argv[1], encoding="utf-8").read().split("\n")
rows = [line for line in lines[1:] if line.strip()]
texts = [row.rsplit("\t", 1)[0].strip() for row in rows]
everything = "\n" + "\n".join(sorted(set(texts))) + "\n"


def is_whole(text):
    words = len(text.split())
    if words < 12 and not (words >= 4 and text[-1] in ".!?'`"):
        return False
    return everything.find(text, everything.find(text) + 1) < 0


seen = set()
with open(sys.argv[2], "w", encoding="utf-8") as out:
    out.write(lines[0] + "\n")
    for row, text in zip(rows, texts):
        if text not in seen and is_whole(text):
            seen.add(text)
            out.write(row + "\n")
print(f"{len(seen)} of {len(rows)} rows are whole sentences", file=sys.stderr)
