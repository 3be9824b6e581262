"""A BERT of a few kilobytes with the module names of Hugging Face's, so that PEFT finds its way, and with its treatment of embeddings,
masks, past keys and values and pooling. Written from the paper and the model's documented behaviour."""
import math
from types import SimpleNamespace

import torch
from torch import nn
from transformers import PreTrainedModel

WIDTH, LAYERS, HEADS, INNER, VOCABULARY, POSITIONS = 16, 2, 4, 32, 61, 32


class Config(dict):
    def __init__(self):
        super().__init__(model_type="bert", hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS, vocab_size=VOCABULARY)
        self.__dict__.update(self, tie_word_embeddings=False, use_return_dict=True, is_encoder_decoder=False, _name_or_path="tiny")

    def to_dict(self):
        return dict(self)


class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))

    def forward(self, x, bias, past):
        split = lambda t: t.view(t.shape[0], -1, HEADS, WIDTH // HEADS).transpose(1, 2)
        q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        scores = q @ k.transpose(-1, -2) / math.sqrt(WIDTH // HEADS) + bias
        return (scores.softmax(-1) @ v).transpose(1, 2).reshape(x.shape)


class Output(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.dense, self.LayerNorm = nn.Linear(inputs, WIDTH), nn.LayerNorm(WIDTH, eps=1e-12)

    def forward(self, x, residual):
        return self.LayerNorm(self.dense(x) + residual)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.self, self.output = SelfAttention(), Output(WIDTH)

    def forward(self, x, bias, past):
        return self.output(self.self(x, bias, past), x)


class Intermediate(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(WIDTH, INNER)

    def forward(self, x):
        return nn.functional.gelu(self.dense(x))


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention, self.intermediate, self.output = Attention(), Intermediate(), Output(INNER)

    def forward(self, x, bias, past):
        x = self.attention(x, bias, past)
        return self.output(self.intermediate(x), x)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.ModuleList(Layer() for _ in range(LAYERS))


class Embeddings(nn.Module):
    def __init__(self):
        super().__init__()
        self.word_embeddings = nn.Embedding(VOCABULARY, WIDTH)
        self.position_embeddings = nn.Embedding(POSITIONS, WIDTH)
        self.token_type_embeddings = nn.Embedding(2, WIDTH)
        self.LayerNorm = nn.LayerNorm(WIDTH, eps=1e-12)

    def forward(self, words, past):
        positions = torch.arange(past, past + words.shape[1])
        types = torch.zeros(words.shape[:2], dtype=torch.long)
        return self.LayerNorm(words + self.token_type_embeddings(types) + self.position_embeddings(positions))


class Pooler(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        return torch.tanh(self.dense(x[:, 0]))


class BertModel(PreTrainedModel):
    def __init__(self):
        super().__init__()
        self.config, self.device = Config(), torch.device("cpu")
        self.embeddings, self.encoder, self.pooler = Embeddings(), Encoder(), Pooler()

    def get_input_embeddings(self):
        return self.embeddings.word_embeddings

    def prepare_inputs_for_generation(self, *args, **kwargs):
        return kwargs

    def forward(self, input_ids=None, attention_mask=None, inputs_embeds=None, past_key_values=None, **_):
        words = self.embeddings.word_embeddings(input_ids) if inputs_embeds is None else inputs_embeds
        past = 0 if past_key_values is None else past_key_values[0][0].shape[2]
        mask = torch.ones(words.shape[0], past + words.shape[1]) if attention_mask is None else attention_mask.to(words.dtype)
        bias = (1 - mask)[:, None, None, :] * torch.finfo(words.dtype).min
        x = self.embeddings(words, past)
        for i, layer in enumerate(self.encoder.layer):
            x = layer(x, bias, None if past_key_values is None else past_key_values[i])
        return Outputs((x, self.pooler(x)))


class Outputs(tuple):
    last_hidden_state = property(lambda self: self[0])
    hidden_states = attentions = None


class BertForSequenceClassification(PreTrainedModel):
    def __init__(self):
        super().__init__()
        self.config, self.device, self.num_labels = Config(), torch.device("cpu"), 3
        self.bert, self.dropout, self.classifier = BertModel(), nn.Dropout(0.0), nn.Linear(WIDTH, 3)

    def get_input_embeddings(self):
        return self.bert.get_input_embeddings()

    def prepare_inputs_for_generation(self, *args, **kwargs):
        return kwargs

    def forward(self, input_ids=None, attention_mask=None, inputs_embeds=None, labels=None, **_):
        outputs = self.bert(input_ids, attention_mask, inputs_embeds)
        return SimpleNamespace(logits=self.classifier(self.dropout(outputs[1])))
