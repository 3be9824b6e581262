"""One process, one BLAS: times the linear maps (and what runs between them) of a BERT-base training step with frozen weights.

Float32: forward of four W x W maps, W x 4W and 4W x W a layer, GELU and layer norms between, then backward to the inputs. Prints threads, the BLAS that was loaded, and the seconds of each step.
Usage: python3 linear_maps.py THREADS STEPS [LAYERS [TOKENS [WIDTH]]]   (12 layers, 2048 tokens, 768 wide)
"""
import re
import sys
import time

import torch

threads, steps = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
torch.manual_seed(0)
LAYERS = int(sys.argv[3]) if len(sys.argv) > 3 else 12
TOKENS = int(sys.argv[4]) if len(sys.argv) > 4 else 16 * 128
WIDTH = int(sys.argv[5]) if len(sys.argv) > 5 else 768
INNER = 4 * WIDTH

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
print(threads, " ".join(f"{t:.4f}" for t in times), " ".join(loaded), flush=True)
