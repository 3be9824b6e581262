"""Names that PEFT imports from transformers, accelerate, huggingface_hub and safetensors and that adapters on a small model do not use."""
import importlib.abc
import importlib.machinery
import importlib.metadata
import sys
import types
from unittest.mock import MagicMock

import torch

_versions = {"transformers": "4.41.0", "accelerate": "0.30.0", "huggingface_hub": "0.23.0", "torch": "1.13.1"}
_version = importlib.metadata.version
importlib.metadata.version = lambda name: _versions.get(name) or _version(name)

_real = {
    "Conv1D": type("Conv1D", (torch.nn.Module,), {}),
    "PreTrainedModel": type("PreTrainedModel", (torch.nn.Module,), {}),
    "PushToHubMixin": type("PushToHubMixin", (), {}),
    "AlignDevicesHook": type("AlignDevicesHook", (), {}),
    "SequenceClassifierOutput": lambda **values: types.SimpleNamespace(**values),
    "__version__": "4.41.0",
    "deepspeed_config": lambda: None,
    "is_deepspeed_zero3_enabled": lambda: False,
    "is_npu_available": lambda *_: False,
    "is_xpu_available": lambda *_: False,
}


class _Module(types.ModuleType):
    def __getattr__(self, name):
        if name in _real:
            return _real[name]
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (Exception,), {}) if name.endswith("Error") else MagicMock(name=name)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("transformers", "accelerate", "huggingface_hub", "safetensors"):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return _Module(spec.name)

    def exec_module(self, module):
        pass


sys.meta_path.insert(0, _Finder())
