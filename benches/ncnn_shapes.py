"""The upscaling networks as ncnn runs them (`pip install ncnn`), with random weights, to be timed by
`compare.py`: graphs and weights are written to a temporary folder in ncnn's own format.
"""

import os
import struct
import tempfile
from pathlib import Path

import numpy as np


class Graph:
    def __init__(self):
        self.lines, self.blobs, self.weights = [], 0, []
        self.random = np.random.default_rng(0)

    def add(self, kind, inputs, outputs, parameters=""):
        name = f"layer{len(self.lines)}"
        self.lines.append(f"{kind} {name} {len(inputs)} {len(outputs)} {' '.join(inputs + outputs)} {parameters}")
        self.blobs += len(outputs)

    def convolution(self, x, y, inputs, outputs, leaky=False):
        count = outputs * inputs * 9
        activation = "9=2 -23310=1,0.2" if leaky else ""
        self.add("Convolution", [x], [y], f"0={outputs} 1=3 4=1 5=1 6={count} {activation}")
        values = self.random.normal(0, (1 / (9 * inputs)) ** 0.5, count + outputs)
        self.weights.append(struct.pack("<I", 0) + values.astype("<f4").tobytes())

    def prelu(self, x, y, channels):
        self.add("PReLU", [x], [y], f"0={channels}")
        self.weights.append(self.random.normal(0.2, 0.2, channels).astype("<f4").tobytes())

    def split(self, x, count):
        names = [f"{x}_{index}" for index in range(count)]
        self.add("Split", [x], names)
        return names

    def save(self, folder):
        head = f"7767517\n{len(self.lines)} {self.blobs}\n"
        (folder / "net.param").write_text(head + "\n".join(self.lines) + "\n")
        (folder / "net.bin").write_bytes(b"".join(self.weights))


def compact(features, convolutions, scale):
    graph = Graph()
    graph.add("Input", [], ["in0"])
    x, shortcut = graph.split("in0", 2)
    for index in range(convolutions + 1):
        graph.convolution(x, f"c{index}", 3 if index == 0 else features, features)
        graph.prelu(f"c{index}", f"p{index}", features)
        x = f"p{index}"
    graph.convolution(x, "last", features, 3 * scale**2)
    graph.add("PixelShuffle", ["last"], ["shuffled"], f"0={scale}")
    graph.add("Interp", [shortcut], ["near"], f"0=1 1={scale}.0 2={scale}.0")
    graph.add("BinaryOp", ["shuffled", "near"], ["out0"], "0=0")
    return graph


def esrgan(features, growth, blocks):
    graph = Graph()
    graph.add("Input", [], ["in0"])
    graph.convolution("in0", "first", 3, features)
    x, whole = graph.split("first", 2)
    for block in range(blocks):
        x, of_block = graph.split(x, 2)
        for dense in range(3):
            name = f"d{block}_{dense}"
            copies = graph.split(x, 6)
            parts = [[copies[k]] for k in range(5)]
            for k in range(5):
                inputs = parts[k]
                joined = inputs[0]
                if len(inputs) > 1:
                    joined = f"{name}_cat{k}"
                    graph.add("Concat", inputs, [joined], "0=0")
                output = growth if k < 4 else features
                graph.convolution(joined, f"{name}_c{k}", features + k * growth, output, leaky=k < 4)
                if k < 4:
                    for later, copy in zip(range(k + 1, 5), graph.split(f"{name}_c{k}", 4 - k)):
                        parts[later].append(copy)
            graph.add("Eltwise", [f"{name}_c4", copies[5]], [name], "0=1 -23301=2,0.2,1.0")
            x = name
        graph.add("Eltwise", [x, of_block], [f"b{block}"], "0=1 -23301=2,0.2,1.0")
        x = f"b{block}"
    graph.convolution(x, "body", features, features)
    graph.add("BinaryOp", ["body", whole], ["trunk"], "0=0")
    x = "trunk"
    for index in range(2):
        graph.add("Interp", [x], [f"near{index}"], "0=1 1=2.0 2=2.0")
        graph.convolution(f"near{index}", f"up{index}", features, features, leaky=True)
        x = f"up{index}"
    graph.convolution(x, "hr", features, features, leaky=True)
    graph.convolution("hr", "out0", features, 3)
    return graph


def upscaler(graph, side, threads):
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = threads
    with tempfile.TemporaryDirectory() as folder:
        graph.save(Path(folder))
        net.load_param(os.path.join(folder, "net.param"))
        net.load_model(os.path.join(folder, "net.bin"))
    x = np.random.default_rng(1).random((3, side, side), dtype=np.float32)

    def run():
        extractor = net.create_extractor()
        extractor.input("in0", ncnn.Mat(x))
        code, y = extractor.extract("out0")
        assert code == 0 and np.array(y).shape == (3, 4 * side, 4 * side)

    return run


def upscale_64(threads):
    return upscaler(compact(64, 16, 4), 64, threads)


def upscale_256(threads):
    return upscaler(compact(64, 16, 4), 256, threads)


def upscale_esrgan(threads):
    return upscaler(esrgan(64, 32, 6), 256, threads)
