"""One process, one BLAS: times the linear maps (and what runs between them) of a BERT-base training step with frozen weights.

LAYERS layers, 16 x 128 tokens, float32: forward of four 768 x 768 maps, 768 x 3072 and 3072 x 768, GELU and layer norms between, then
backward to the inputs. Prints threads, the BLAS that was loaded, and the seconds of each step.
Usage: python3 linear_maps.py THREADS STEPS [LAYERS]
"""
import re
import sys
import time

import torch

threads, steps = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
torch.manual_seed(0)
TOKENS, WIDTH, INNER = 16 * 128, 768, 3072
LAYERS = int(sys.argv[3]) if len(sys.argv) > 3 else 12

layers = []
for _ in range(LAYERS):
    layers.append([torch.randn(WIDTH, WIDTH) * 0.03 for _ in range(4)] + [torch.randn(INNER, WIDTH) * 0.03, torch.randn(WIDTH, INNER) * 0.03])
x = torch.randn(TOKENS, WIDTH, requires_grad=True)


def step():
    h = x
    for q, k, v, o, up, down in layers:
        a = torch.nn.functional.linear
        mixed = a(h, q) + a(h, k) + a(h, v)
        h = torch.nn.functional.layer_norm(h + a(mixed, o), (WIDTH,))
        h = torch.nn.functional.layer_norm(h + a(torch.nn.functional.gelu(a(h, up)), down), (WIDTH,))
    h.sum().backward()
    x.grad = None


step()
times = []
for _ in range(steps):
    start = time.perf_counter()
    step()
    times.append(time.perf_counter() - start)
maps = open("/proc/self/maps").read()
loaded = sorted(set(re.findall(r"\S+/lib(?:open)?blas\S*", maps)))
print(threads, " ".join(f"{t:.3f}" for t in times), " ".join(loaded), flush=True)
