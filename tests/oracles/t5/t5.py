"""A T5 and its ways of writing, in numpy alone and in float64: written from the papers and from Hugging Face's description, without cache,
batches or shortcuts. Makes tests/fixtures/t5:

    python3 tests/oracles/t5/t5.py tests/fixtures/t5
"""
import json
import math
import struct
import sys

import numpy as np

PAD, END = 0, 1


class Config:
    def __init__(self, **kw):
        self.__dict__.update(kw)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def rms(x, gain, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * gain


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))


def bucket(relative, bidirectional, buckets, furthest):
    result = 0
    if bidirectional:
        buckets //= 2
        if relative > 0:
            result = buckets
        distance = abs(relative)
    else:
        distance = -min(relative, 0)
    exact = buckets // 2
    if distance < exact:
        return result + distance
    share = np.log(np.float32(distance) / np.float32(exact)) / np.float32(math.log(furthest / exact)) * np.float32(buckets - exact)
    return result + min(exact + int(share), buckets - 1)


def positions(w, stack, c, queries, keys):
    table = w[f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"]
    bias = np.zeros((c.heads, queries, keys))
    for q in range(queries):
        for k in range(keys):
            bias[:, q, k] = table[bucket(k - q, stack == "encoder", c.buckets, c.furthest)]
    return bias


def attention(w, path, c, u, source, bias):
    """One text: u [Q, W], source [K, W], bias [H, Q, K]."""
    out = []
    for h in range(c.heads):
        rows = slice(h * c.kv, (h + 1) * c.kv)
        q = u @ w[path + ".q.weight"][rows].T
        k = source @ w[path + ".k.weight"][rows].T
        v = source @ w[path + ".v.weight"][rows].T
        out.append(softmax(q @ k.T + bias[h]) @ v)
    return np.concatenate(out, -1) @ w[path + ".o.weight"].T


def feed_forward(w, path, c, u):
    if c.gated:
        inner = gelu_tanh(u @ w[path + ".wi_0.weight"].T) * (u @ w[path + ".wi_1.weight"].T)
    else:
        inner = np.maximum(u @ w[path + ".wi.weight"].T, 0)
    return inner @ w[path + ".wo.weight"].T


def encode(w, c, ids):
    x = w["shared.weight"][ids]
    bias = positions(w, "encoder", c, len(ids), len(ids))
    for l in range(c.layers):
        p = f"encoder.block.{l}.layer."
        u = rms(x, w[p + "0.layer_norm.weight"], c.eps)
        x = x + attention(w, p + "0.SelfAttention", c, u, u, bias)
        x = x + feed_forward(w, p + "1.DenseReluDense", c, rms(x, w[p + "1.layer_norm.weight"], c.eps))
    return rms(x, w["encoder.final_layer_norm.weight"], c.eps)


def decode(w, c, source, ids):
    n = len(ids)
    x = w["shared.weight"][ids]
    bias = positions(w, "decoder", c, n, n) + np.triu(np.full((n, n), -np.inf), 1)
    none = np.zeros((c.heads, n, len(source)))
    for l in range(c.decoder_layers):
        p = f"decoder.block.{l}.layer."
        u = rms(x, w[p + "0.layer_norm.weight"], c.eps)
        x = x + attention(w, p + "0.SelfAttention", c, u, u, bias)
        u = rms(x, w[p + "1.layer_norm.weight"], c.eps)
        x = x + attention(w, p + "1.EncDecAttention", c, u, source, none)
        x = x + feed_forward(w, p + "2.DenseReluDense", c, rms(x, w[p + "2.layer_norm.weight"], c.eps))
    x = rms(x, w["decoder.final_layer_norm.weight"], c.eps)
    return x @ w["shared.weight"].T / math.sqrt(c.width) if c.tied else x @ w["lm_head.weight"].T


def next_logs(w, c, source, written, least):
    logs = log_softmax(decode(w, c, source, np.array([PAD] + written))[-1])
    if len(written) < least:
        logs[END] = -np.inf
    return logs


def greedy(w, c, source, s):
    written, total = [], 0.0
    while len(written) < s["max"]:
        logs = next_logs(w, c, source, written, s["min"])
        token = int(logs.argmax())
        total += logs[token]
        if token == END:
            return written, total / (len(written) + 1) ** s["penalty"], True
        written.append(token)
    return written, total / len(written) ** s["penalty"], False


def beams(w, c, source, s):
    """One text at a time, as transformers' BeamSearchScorer describes it; lengths are those of what is written, the end among them."""
    n, penalty = s["beams"], s["penalty"]
    open_beams = [([], 0.0)]
    whole = []

    def add(text, total, length, ended):
        whole.append((total / length ** penalty, text, ended))
        if len(whole) > n:
            whole.remove(min(whole, key=lambda t: t[0]))

    for length in range(1, s["max"] + 1):
        candidates = []
        for b, (text, total) in enumerate(open_beams):
            logs = next_logs(w, c, source, text, s["min"])
            candidates += [(total + logs[v], b, v) for v in range(len(logs))]
        candidates.sort(key=lambda t: -t[0])
        following = []
        for rank, (total, b, v) in enumerate(candidates[:2 * n]):
            if v == END:
                if rank < n:
                    add(open_beams[b][0], total, length, True)
            else:
                following.append((open_beams[b][0] + [v], total))
            if len(following) == n:
                break
        open_beams = following
        if len(whole) == n:
            reach = s["max"] if s["stop"] == "never" and penalty > 0 else length
            best = candidates[0][0] / reach ** penalty
            if s["stop"] == "first_texts" or min(t[0] for t in whole) >= best:
                break
    else:
        for text, total in open_beams:
            add(text, total, len(text), False)
    score, text, ended = max(whole, key=lambda t: t[0])
    return text, score, ended


def weights(c, rng):
    w = {}

    def normal(key, shape, scale):
        w[key] = rng.normal(0, scale, shape).astype(np.float32)

    def gain(key):
        w[key] = rng.uniform(0.7, 1.3, c.width).astype(np.float32)

    inner = c.heads * c.kv
    normal("shared.weight", (c.vocabulary, c.width), 0.4)
    if not c.tied:
        normal("lm_head.weight", (c.vocabulary, c.width), 0.3)
    for stack, layers in (("encoder", c.layers), ("decoder", c.decoder_layers)):
        normal(f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight", (c.buckets, c.heads), 0.7)
        gain(f"{stack}.final_layer_norm.weight")
        for l in range(layers):
            names = ["SelfAttention"] + (["EncDecAttention"] if stack == "decoder" else []) + ["DenseReluDense"]
            for i, name in enumerate(names):
                p = f"{stack}.block.{l}.layer.{i}"
                gain(p + ".layer_norm.weight")
                if name == "DenseReluDense":
                    for wi in ["wi_0", "wi_1"] if c.gated else ["wi"]:
                        normal(f"{p}.{name}.{wi}.weight", (c.feed_forward, c.width), 0.3)
                    normal(f"{p}.{name}.wo.weight", (c.width, c.feed_forward), 0.3)
                else:
                    for m in "qkv":
                        normal(f"{p}.{name}.{m}.weight", (inner, c.width), 0.3)
                    normal(f"{p}.{name}.o.weight", (c.width, inner), 0.3)
    return w


def save(path, tensors):
    names = {np.dtype(np.float32): "F32", np.dtype(np.float64): "F64", np.dtype(np.int64): "I64"}
    header, blob = {}, b""
    for key, value in tensors.items():
        data = np.ascontiguousarray(value).tobytes()
        header[key] = {"dtype": names[value.dtype], "shape": list(value.shape), "data_offsets": [len(blob), len(blob) + len(data)]}
        blob += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + blob)


def main(folder):
    models = {
        "v1.0": Config(vocabulary=13, width=12, heads=3, kv=4, feed_forward=20, layers=2, decoder_layers=2, buckets=32, furthest=128,
                       eps=1e-6, gated=False, tied=True),
        "v1.1": Config(vocabulary=13, width=12, heads=2, kv=5, feed_forward=20, layers=2, decoder_layers=3, buckets=32, furthest=128,
                       eps=1e-6, gated=True, tied=False),
    }
    for name, c in models.items():
        rng = np.random.default_rng(21 if c.tied else 26)
        w = weights(c, rng)
        wide = {k: v.astype(np.float64) for k, v in w.items()}
        # So long that every bucket is used, the last one of each direction too.
        ids = rng.integers(2, c.vocabulary, 150)
        decoder_ids = np.concatenate([[PAD], rng.integers(2, c.vocabulary, 139)])
        source = encode(wide, c, ids)
        tensors = {"w." + k: v for k, v in w.items()}
        tensors |= {"ids": ids.astype(np.int64), "decoder_ids": decoder_ids.astype(np.int64), "encoded": source,
                    "logits": decode(wide, c, source, decoder_ids)}
        save(f"{folder}/{name}.safetensors", tensors)

        # With few words, and these seeds, the end comes now and then, so that texts of many lengths are written.
        texts = [rng.integers(2, c.vocabulary, int(n)).tolist() for n in rng.integers(2, 12, 24)]
        sources = [encode(wide, c, np.array(t)) for t in texts]
        cases = []
        for s in [dict(beams=1, max=12, min=0, penalty=1.0, stop="attainable"), dict(beams=1, max=12, min=4, penalty=0.0, stop="attainable"),
                  dict(beams=4, max=10, min=0, penalty=1.0, stop="attainable"), dict(beams=4, max=10, min=0, penalty=1.0, stop="first_texts"),
                  dict(beams=4, max=10, min=0, penalty=2.0, stop="never"), dict(beams=2, max=8, min=3, penalty=0.6, stop="attainable"),
                  dict(beams=3, max=9, min=0, penalty=-0.5, stop="never")]:
            answers = [(greedy if s["beams"] == 1 else beams)(wide, c, source, s) for source in sources]
            cases.append(s | {"texts": [a[0] for a in answers], "scores": [a[1] for a in answers], "ended": [a[2] for a in answers]})
        with open(f"{folder}/{name}.written.json", "w") as f:
            json.dump({"sources": texts, "cases": cases}, f)
            f.write("\n")
        for case in cases:
            print(name, {k: case[k] for k in ("beams", "min", "penalty", "stop")}, [len(t) for t in case["texts"]], case["ended"])
    edges = {f"{b}": [[bucket(d, b, n, m) for d in range(-300, 301)] for n, m in ((32, 128), (8, 16), (32, 20))] for b in (True, False)}
    with open(f"{folder}/buckets.json", "w") as f:
        json.dump(edges, f)
        f.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
