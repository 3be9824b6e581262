"""Makes tests/fixtures/peft/0.11.1: adapters that HF PEFT itself created, saved as it saves them, and what it computes with them.

Run with PyTorch 1.13 and PEFT 0.11.1: python3 tests/oracles/peft/adapters.py tests/fixtures/peft/0.11.1
PEFT needs only few names of transformers, accelerate, huggingface_hub and safetensors; stand_ins.py has them, so that no other package is needed."""
import json
import os
import struct
import sys

import stand_ins  # noqa: F401  (before peft)
import peft
import torch
from peft import AdaLoraConfig, IA3Config, LNTuningConfig, LoraConfig, PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig, VeraConfig
from peft import get_peft_model, get_peft_model_state_dict
from tiny_bert import HEADS, INNER, LAYERS, POSITIONS, VOCABULARY, WIDTH, BertForSequenceClassification, BertModel


def write(path, tensors, metadata=None):
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for key in sorted(tensors):
        value = tensors[key].detach().contiguous().float().numpy().tobytes()
        header[key] = {"dtype": "F32", "shape": list(tensors[key].shape), "data_offsets": [len(data), len(data) + len(value)]}
        data += value
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(head)) + head + data)


def save(folder, model):
    """What PeftModel.save_pretrained writes, without the model card."""
    config = model.peft_config["default"]
    os.makedirs(folder, exist_ok=True)
    write(os.path.join(folder, "adapter_model.safetensors"), get_peft_model_state_dict(model), {"format": "pt"})
    config.base_model_name_or_path, config.inference_mode = "tiny", True
    fields = {k: list(v) if isinstance(v, set) else v for k, v in config.to_dict().items()}
    with open(os.path.join(folder, "adapter_config.json"), "w") as file:
        file.write(json.dumps(fields, indent=2, sort_keys=True))


def main(place):
    generator = torch.Generator().manual_seed(5)
    backbone = BertModel()
    for name, value in backbone.named_parameters():
        norm = name.endswith("LayerNorm.weight")
        value.data.normal_(1.0 if norm else 0.0, 0.1 if norm else 1.0 if "embeddings" in name and "Norm" not in name else 0.25, generator=generator)
    os.makedirs(place, exist_ok=True)
    write(os.path.join(place, "model.safetensors"), backbone.state_dict())
    sizes = {"hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "intermediate_size": INNER, "vocab_size": VOCABULARY}
    with open(os.path.join(place, "config.json"), "w") as file:
        json.dump({"model_type": "bert", "max_position_embeddings": POSITIONS, **sizes}, file)
    ids = torch.randint(2, VOCABULARY, (3, 9), generator=generator)
    mask = torch.tensor([[1.0] * n + [0.0] * (9 - n) for n in (9, 5, 7)])
    cases = {
        "lora": LoraConfig(r=4, lora_alpha=6, target_modules=["query", "value"], task_type="FEATURE_EXTRACTION"),
        "lora-head": LoraConfig(r=2, lora_alpha=6, lora_dropout=0.1, use_rslora=True, target_modules=["query", "key", "output.dense"], task_type="SEQ_CLS"),
        # One key for both numbers: this version takes the first key of either pattern for both, newer ones look them up apart.
        "lora-patterns": LoraConfig(
            r=3, target_modules=r".*layer\.\d\.(attention\.self\.query|intermediate\.dense)", rank_pattern={"layer.1.attention.self.query": 5, "intermediate.dense": 2},
            alpha_pattern={"layer.1.attention.self.query": 3}, task_type="FEATURE_EXTRACTION"),
        # bias="lora_only" is missing: versions 0.6 to 0.19 train those biases and do not save them.
        "lora-layers": LoraConfig(r=2, target_modules=["value"], layers_to_transform=[1], task_type="FEATURE_EXTRACTION"),
        "lora-all-biases": LoraConfig(r=2, bias="all", target_modules=["key"], task_type="FEATURE_EXTRACTION"),
        "lora-pooler": LoraConfig(r=2, target_modules=["query"], modules_to_save=["pooler"], task_type="SEQ_CLS"),
        "dora": LoraConfig(r=4, use_dora=True, target_modules=["query", "intermediate.dense"], task_type="FEATURE_EXTRACTION"),
        "adalora": AdaLoraConfig(init_r=4, target_r=2, lora_alpha=6, total_step=10, target_modules=["query", "value"], task_type="FEATURE_EXTRACTION"),
        "ia3": IA3Config(target_modules=["key", "value", "output.dense"], feedforward_modules=["output.dense"], task_type="SEQ_CLS"),
        "vera": VeraConfig(r=5, d_initial=0.2, target_modules=["query", "value"], task_type="FEATURE_EXTRACTION"),
        "vera-seed": VeraConfig(r=5, projection_prng_key=7, save_projection=False, target_modules=["query", "value"], task_type="FEATURE_EXTRACTION"),
        "ln-tuning": LNTuningConfig(target_modules=["LayerNorm"], task_type="SEQ_CLS"),
        "prefix-tuning": PrefixTuningConfig(num_virtual_tokens=3, prefix_projection=True, encoder_hidden_size=8, task_type="SEQ_CLS"),
        "prompt-tuning": PromptTuningConfig(num_virtual_tokens=4, task_type="FEATURE_EXTRACTION"),
        "p-tuning": PromptEncoderConfig(num_virtual_tokens=4, encoder_hidden_size=8, task_type="FEATURE_EXTRACTION"),
    }
    expected = {"peft": peft.__version__, "torch": torch.__version__, "input_ids": ids.tolist(), "mask": mask.tolist(), "outputs": {}}
    for name, config in cases.items():
        head = config.task_type == "SEQ_CLS"
        model = BertForSequenceClassification() if head else BertModel()
        (model.bert if head else model).load_state_dict(backbone.state_dict())
        model = get_peft_model(model, config)
        with torch.no_grad():
            for key, value in model.named_parameters():
                if value.requires_grad:
                    value.add_(torch.randn(value.shape, generator=generator) * 0.3)
        model.eval()
        with torch.no_grad():
            output = model(input_ids=ids, attention_mask=mask)
            numbers = output.logits if head else output[0][:, -ids.shape[1]:]
        expected["outputs"][name] = numbers.double().tolist()
        save(os.path.join(place, name), model)
    with open(os.path.join(place, "expected.json"), "w") as file:
        json.dump(expected, file)


if __name__ == "__main__":
    main(sys.argv[1])
