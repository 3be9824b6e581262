"""The peer of bench/training: BERT with LoRA in plain PyTorch, the same operators in the same order as src/Graft/Backbones/EncoderBlock.cs."""
import math

import torch
from torch import nn
from torch.nn import functional as F


class Linear(nn.Module):
    """A frozen linear map, with a LoRA update where rank > 0."""

    def __init__(self, inputs, outputs, rank=0, alpha=16):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * 0.02, requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(outputs), requires_grad=False)
        self.rank = rank
        if rank:
            self.a = nn.Parameter(torch.empty(rank, inputs))
            nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))
            self.b = nn.Parameter(torch.zeros(outputs, rank))
            self.scaling = alpha / rank

    def forward(self, x):
        y = F.linear(x, self.weight, self.bias)
        if self.rank:
            y = y + F.linear(F.linear(x, self.a), self.b) * self.scaling
        return y


class Norm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(width), requires_grad=False)

    def forward(self, x):
        return F.layer_norm(x, x.shape[-1:], self.weight, self.bias, 1e-12)


class Block(nn.Module):
    def __init__(self, width, heads, inner, rank, dropout):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query, self.value = Linear(width, width, rank), Linear(width, width, rank)
        self.key, self.out = Linear(width, width), Linear(width, width)
        self.up, self.down = Linear(width, inner), Linear(inner, width)
        self.norm1, self.norm2 = Norm(width), Norm(width)

    def split(self, x):
        return x.view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)

    def drop(self, x):
        return F.dropout(x, self.dropout, self.training)

    def forward(self, x, bias):
        q, k, v = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
        weights = self.drop((scores if bias is None else scores + bias).softmax(-1))
        a = (weights @ v).transpose(1, 2).reshape(x.shape)
        x = self.norm1(self.drop(self.out(a)) + x)
        return self.norm2(self.drop(self.down(F.gelu(self.up(x)))) + x)


class Bert(nn.Module):
    def __init__(self, layers=12, width=768, heads=12, inner=3072, vocabulary=30522, positions=512, rank=8, classes=2, dropout=0.1,
                 head_dropout=0.1):
        super().__init__()
        self.words = nn.Parameter(torch.randn(vocabulary, width) * 0.02, requires_grad=False)
        self.positions = nn.Parameter(torch.randn(positions, width) * 0.02, requires_grad=False)
        self.types = nn.Parameter(torch.randn(2, width) * 0.02, requires_grad=False)
        self.norm = Norm(width)
        self.blocks = nn.ModuleList(Block(width, heads, inner, rank, dropout) for _ in range(layers))
        self.dropout, self.head_dropout = dropout, head_dropout
        self.head_weight = nn.Parameter(torch.randn(classes, width) * 0.02)
        self.head_bias = nn.Parameter(torch.zeros(classes))

    def forward(self, ids, mask=None):
        x = F.embedding(ids, self.words) + F.embedding(torch.zeros_like(ids), self.types)
        x = x + F.embedding(torch.arange(ids.shape[1])[None], self.positions)
        x = F.dropout(self.norm(x), self.dropout, self.training)
        bias = None if mask is None else ((1.0 - mask) * torch.finfo(x.dtype).min)[:, None, None]
        for block in self.blocks:
            x = block(x, bias)
        pooled = x.mean(1) if mask is None else (x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return F.linear(F.dropout(pooled, self.head_dropout, self.training), self.head_weight, self.head_bias)

    def trained(self):
        return [p for p in self.parameters() if p.requires_grad]
