#!/usr/bin/env python3
"""spandrel itself beside this crate; needs `torch` and `spandrel`.

    python3 flowinone-upscale/tests/with_spandrel.py make FOLDER [FEATURES]

makes small random SPANs in all the forms in which they come, and what spandrel makes of a picture by them in double
precision. It wrote `fixtures/span`, which the test `parity` compares with. With FEATURES all networks have as many, 48 as
most published ones; `FLOWINONE_FIXTURES` leads the test to that folder too.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from spandrel.architectures.SPAN import SPANArch

# What spandrel keeps of the mean colour lies on a GPU; here it stays where it is.
torch.Tensor.cuda = lambda self, *_: self

CASES = [
    {"name": "span_x2", "channels": 3, "features": 8, "scale": 2, "norm": True, "size": (12, 10)},
    {"name": "span_x4", "channels": 3, "features": 6, "scale": 4, "norm": False, "size": (9, 13)},
    {"name": "span_gray_x1", "channels": 1, "features": 4, "scale": 1, "norm": False, "size": (11, 6)},
]
BLOCKS = 6


def draw(case):
    """Weights as spandrel names them: all layers are felt in the result, which is of the size of a picture."""
    channels, features = case["channels"], case["features"]
    tensors = {}

    def convolution(name, inputs, outputs, side, gain):
        std = gain / (inputs * side * side) ** 0.5
        tensors[f"{name}.weight"] = std * torch.randn(outputs, inputs, side, side)
        tensors[f"{name}.bias"] = 0.1 * torch.randn(outputs)

    def trained(name, inputs, outputs, gain):
        convolution(f"{name}.sk", inputs, outputs, 1, gain)
        convolution(f"{name}.conv.0", inputs, 2 * inputs, 1, 1)
        convolution(f"{name}.conv.1", 2 * inputs, 2 * outputs, 3, 1)
        convolution(f"{name}.conv.2", 2 * outputs, outputs, 1, gain)
        convolution(f"{name}.eval_conv", inputs, outputs, 3, 1)  # as training leaves it: of no meaning

    trained("conv_1", channels, features, 1 / 100 if case["norm"] else 1)
    for block in range(1, BLOCKS + 1):
        for layer in (1, 2, 3):
            trained(f"block_{block}.c{layer}_r", features, features, 1.2)
    trained("conv_2", features, features, 1)
    convolution("conv_cat", 4 * features, features, 1, 1)
    convolution("upsampler.0", features, channels * case["scale"] ** 2, 3, 0.5)
    if not case["norm"]:
        tensors["no_norm"] = torch.zeros(1)
    return tensors


def rounded(tensors, dtype):
    return {name: tensor.to(dtype).contiguous() for name, tensor in tensors.items()}


def run(tensors, x):
    """What spandrel makes of `x`, in the type of `x`."""
    model = SPANArch().load(rounded(tensors, torch.float32)).model
    model.load_state_dict(rounded(tensors, torch.float32))
    model = model.to(x.dtype).eval()
    with torch.no_grad():
        y = model(x)
    return y, model


def make(folder, features=None):
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(20)
    described = []
    for case in CASES:
        case = case | ({"features": int(features)} if features else {})
        name = case["name"]
        tensors = rounded(draw(case), torch.float16)
        x = torch.rand(1, case["channels"], *case["size"])
        y, model = run(tensors, x.double())
        single, _ = run(tensors, x)
        save_file({"input": x, "output": y.float()}, folder / f"{name}_io.safetensors")
        weights = []

        def file(end, dtype, save, note):
            save(folder / f"{name}{end}")
            weights.append({"file": f"{name}{end}", "dtype": dtype, "note": note})

        stale = "eval_conv is that of another network, as training leaves it"
        file(".safetensors", "f16", lambda path: save_file(tensors, path), stale)
        if name == "span_x2":
            # spandrel has merged the convolutions when it ran.
            merged = {key: value.float().contiguous() for key, value in model.state_dict().items()}
            merged = {key: value for key, value in merged.items() if ".sk." not in key and ".conv." not in key}
            file("_merged.safetensors", "merged", lambda path: save_file(merged, path), "eval_conv alone")
        if name == "span_gray_x1":
            zeros = {key: torch.zeros_like(value) for key, value in tensors.items()}
            wrapped = {"params": zeros, "params_ema": tensors}
            file(".pth", "f16", lambda path: torch.save(wrapped, path), "params_ema beside params, which is all zeros")
        described.append(
            {
                "name": name,
                "network": "SPAN",
                "weights": weights,
                "tensors": f"{name}_io.safetensors",
                "features": case["features"],
                "channels": case["channels"],
                "scale": case["scale"],
                "norm": case["norm"],
                "output_range": [y.min().item(), y.max().item()],
                "torch_f32_error": ((single - y).abs().max() / y.abs().max().clamp(min=1)).item(),
            }
        )
    value = {
        "made_by": Path(__file__).name,
        "torch": torch.__version__,
        "expected": "float64 arithmetic from the stored weights, kept as float32",
        "license": "all of it is random",
        "cases": described,
    }
    (folder / "fixtures.json").write_text(json.dumps(value, indent=1) + "\n")


if __name__ == "__main__":
    {"make": make}[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
