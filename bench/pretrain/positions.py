"""Fills a BERT's position embeddings behind the first N with copies of these, over and over: positions.py MODEL N NEW

A model that was pretrained on items of N tokens knows nothing of later positions; with random ones there it has to learn anew which words are neighbours, with copies it knows up to a multiple of N
(as Longformer began from RoBERTa, arXiv 2004.05150, section 5). MODEL is a Hugging Face folder with its weights in model.safetensors, NEW the folder that gets the result.
"""
import json
import pathlib
import shutil
import struct
import sys

model, known, new = pathlib.Path(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3])
new.mkdir(parents=True, exist_ok=True)
for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"):
    shutil.copy(model / name, new / name)
data = bytearray((model / "model.safetensors").read_bytes())
header = 8 + struct.unpack("<Q", data[:8])[0]
entry = next(v for k, v in json.loads(data[8:header]).items() if k.endswith("position_embeddings.weight"))
begin, end = (header + offset for offset in entry["data_offsets"])
row = (end - begin) // entry["shape"][0]
for at in range(begin + known * row, end, row):
    data[at:at + row] = data[at - known * row:at - known * row + row]
(new / "weights").write_bytes(data)
(new / "weights").rename(new / "model.safetensors") # last and in one step: a folder with weights is whole
