"""The small BERT of bench/pretrain in plain PyTorch, trained on the tokens of a run of graft pretrain: does it learn at the same pace?

Usage: peer.py RUN STEPS [--of 6000] [--tokens 128] [--batch 64] [--lr 1e-3] [--dropout 0.1] [--deviation 0.02] [--seed 0]

RUN is a folder of graft pretrain with --unit packed and the same --max-tokens that is under way or was stopped (its tokens are gone when it is done); STEPS of a schedule of --of steps are done. Masks 15 % of the tokens (80/10/10), AdamW (.9, .98, eps 1e-6, decay .01 of
matrices), a warm-up of 6 % and a linear decay, gradients clipped at 1, float32, one thread. Prints the mean loss and the share of restored words of every 50 steps.
"""
import argparse
import math
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

WIDTH, LAYERS, HEADS, INNER = 256, 4, 4, 1024
HEADER = 89  # the format's name, the hash of texts and tokenizer, the place behind the tokens; token ids as int32 follow


class Block(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.inner, self.outer = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.first, self.second = nn.LayerNorm(WIDTH, 1e-12), nn.LayerNorm(WIDTH, 1e-12)
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        rows, tokens, _ = x.shape
        query, key, value = (linear(x).view(rows, tokens, HEADS, WIDTH // HEADS).transpose(1, 2) for linear in (self.query, self.key, self.value))
        weights = self.drop(torch.softmax(query @ key.transpose(2, 3) / math.sqrt(WIDTH // HEADS), -1))
        x = self.first(x + self.drop(self.out((weights @ value).transpose(1, 2).reshape(rows, tokens, WIDTH))))
        return self.second(x + self.drop(self.outer(F.gelu(self.inner(x)))))


class Model(nn.Module):
    def __init__(self, words, positions, dropout, deviation):
        super().__init__()
        self.words, self.positions = nn.Embedding(words, WIDTH), nn.Embedding(positions, WIDTH)
        self.norm, self.drop = nn.LayerNorm(WIDTH, 1e-12), nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(dropout) for _ in range(LAYERS))
        self.head, self.head_norm, self.bias = nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH, 1e-12), nn.Parameter(torch.zeros(words))
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, 0, deviation)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, ids, masked):
        x = self.drop(self.norm(self.words(ids) + self.positions(torch.arange(ids.shape[1]))))
        for block in self.blocks:
            x = block(x)
        return self.head_norm(F.gelu(self.head(x.reshape(-1, WIDTH)[masked]))) @ self.words.weight.t() + self.bias


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("steps", type=int)
    for name, kind, default in (("of", int, 6000), ("tokens", int, 128), ("batch", int, 64), ("lr", float, 1e-3), ("dropout", float, 0.1), ("deviation", float, 0.02), ("seed", int, 0)):
        parser.add_argument(f"--{name}", type=kind, default=default)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    random = np.random.RandomState(options.seed)
    file = np.memmap(f"{options.run}/training/tokens.bin", np.uint8, "r")
    corpus = np.frombuffer(file, "<i4", (int(np.frombuffer(file, "<i8", 1, HEADER - 8)[0]) - HEADER) // 4, HEADER)
    with open(f"{options.run}/start/vocab.txt", encoding="utf-8") as file:
        words = file.read().split("\n")
    special = np.array([words.index(w) for w in ("[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]")])
    count = len(words) - (words[-1] == "")
    model = Model(count, options.tokens, options.dropout, options.deviation)
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0}], options.lr, (0.9, 0.98), 1e-6)
    items, warmup, began, losses, restored = len(corpus) // options.tokens, 0.06 * options.of, time.time(), [], []
    for step in range(options.steps):
        drawn = random.randint(0, items, options.batch)
        ids = np.stack([corpus[i * options.tokens:(i + 1) * options.tokens] for i in drawn]).astype(np.int64)
        chosen, what = (random.rand(*ids.shape) < 0.15) & ~np.isin(ids, special), random.rand(*ids.shape)
        targets = torch.from_numpy(ids[chosen])
        ids[chosen & (what < 0.8)] = words.index("[MASK]")
        other = chosen & (what >= 0.9)
        ids[other] = random.randint(0, count, other.sum())
        for group in optimizer.param_groups:
            group["lr"] = options.lr * (step / warmup if step < warmup else (options.of - step) / (options.of - warmup))
        logits = model(torch.from_numpy(ids), torch.from_numpy(np.flatnonzero(chosen)))
        loss = F.cross_entropy(logits, targets)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        restored.append((logits.argmax(1) == targets).float().mean().item())
        if (step + 1) % 50 == 0:
            seen = (step + 1) * options.batch * options.tokens
            print(f"{step + 1} steps, {seen:,} tokens: loss {np.mean(losses[-50:]):.3f}, restored {np.mean(restored[-50:]):.1%}, {seen / (time.time() - began):,.0f} tokens/s", flush=True)


if __name__ == "__main__":
    main()
