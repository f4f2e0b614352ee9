#!/usr/bin/env python3
"""peft itself beside this crate; needs `torch` and `peft`.

    python3 flowinone-lora/tests/with_peft.py make FOLDER     an adapter of peft's, inputs and outputs of its layers
    python3 flowinone-lora/tests/with_peft.py check FOLDER    whether peft reads an adapter that was written here

`make` wrote `fixtures/peft`, which the test `peft` compares with. The layers are some of the smallest flow
(`FlowConfig::tiny`), by their published names.
"""

import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file

LAYERS = {
    "stages.0.blocks.0.block1.query_key_value": (32, 96),
    "stages.0.blocks.0.block1.dense": (32, 32),
    "stages.0.blocks.1.block1_cross.key_value": (32, 64),
    "stages.1.blocks.2.block2.w2": (24, 16),
}


def tree(layers):
    """A module with a linear layer at every name."""
    root = torch.nn.Module()
    for name, (inputs, outputs) in layers.items():
        *parents, last = name.split(".")
        module = root
        for part in parents:
            if part not in module._modules:
                module.add_module(part, torch.nn.Module())
            module = module._modules[part]
        module.add_module(last, torch.nn.Linear(inputs, outputs))
    root.forward = lambda inputs: {name: root.get_submodule(name)(x) for name, x in inputs.items()}
    return root


def make(folder):
    torch.manual_seed(23)
    base = tree(LAYERS)
    tensors = {f"{name}.weight": base.get_submodule(name).weight.detach().clone() for name in LAYERS}
    tensors |= {f"{name}.bias": base.get_submodule(name).bias.detach().clone() for name in LAYERS}
    config = LoraConfig(
        r=4,
        lora_alpha=6,
        target_modules=["query_key_value", "dense", "key_value", "w2"],
        rank_pattern={r"block2\.w2": 2},
        alpha_pattern={r"block1\.dense": 3},
    )
    model = get_peft_model(base, config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".lora_B." in name:  # zeros otherwise
                parameter.normal_(std=0.3)
        inputs = {name: torch.randn(5, inputs) for name, (inputs, _) in LAYERS.items()}
        outputs = model.base_model.model(inputs)
    model.save_pretrained(folder)
    tensors |= {f"{name}.x": x for name, x in inputs.items()}
    tensors |= {f"{name}.y": y for name, y in outputs.items()}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "layers.safetensors")
    (folder / "README.md").unlink(missing_ok=True)


def check(folder):
    factors = load_file(folder / "adapter_model.safetensors")
    prefix, ends = "base_model.model.", (".lora_A.weight", ".lora_B.weight")
    names = {name.removeprefix(prefix).removesuffix(ends[0]) for name in factors if name.endswith(ends[0])}
    sizes = {name: (factors[f"{prefix}{name}{ends[0]}"].shape[1], factors[f"{prefix}{name}{ends[1]}"].shape[0]) for name in names}
    base = tree(sizes)
    inputs = {name: torch.randn(3, inputs) for name, (inputs, _) in sizes.items()}
    with torch.no_grad():
        before = base.forward(inputs)
        model = PeftModel.from_pretrained(base, folder)
        after = model.base_model.model(inputs)
    config = json.loads((folder / "adapter_config.json").read_text())
    scale = config["lora_alpha"] / config["r"]
    for name in names:
        down, up = (factors[f"{prefix}{name}{end}"] for end in ends)
        expected = before[name] + scale * inputs[name] @ down.T @ up.T
        off = (after[name] - expected).abs().max().item()
        assert off < 1e-5, f"{name}: {off}"
    print(f"peft {sys.modules['peft'].__version__} reads {len(names)} layers")


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](Path(sys.argv[2]))
