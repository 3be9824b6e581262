"""Does one training step of the peer for each line read, and answers with its seconds and the process's peak memory in bytes."""
import resource
import sys
import time

import torch
from torch.nn import functional as F

from peer import Bert

threads, batch, tokens = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
torch.manual_seed(0)
model = Bert()
model.train()
groups = [
    {"params": [p for p in model.trained() if p.dim() >= 2], "weight_decay": 0.01},
    {"params": [p for p in model.trained() if p.dim() < 2], "weight_decay": 0.0},
]
optimizer = torch.optim.AdamW(groups, lr=1e-3, foreach=True)
ids = torch.randint(1000, 30000, (batch, tokens))
labels = torch.randint(0, 2, (batch,))
print(f"PyTorch {torch.__version__}", flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    optimizer.zero_grad(set_to_none=True)
    loss = F.cross_entropy(model(ids), labels)
    loss.backward()
    value = loss.item()
    torch.nn.utils.clip_grad_norm_(model.trained(), 1.0)
    optimizer.step()
    seconds = time.perf_counter() - start
    print(f"{seconds} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024} {value}", flush=True)
