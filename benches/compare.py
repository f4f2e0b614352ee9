#!/usr/bin/env python3
"""Times PyTorch and this project on the same shapes, in turns, in one run.

    python3 benches/compare.py [--only NAMES] [--threads N] [--runs N] [--json FILE] [--plot FILE]

Needs Python 3 with `torch` (a CPU build is enough) and cargo. What is timed, each with random weights:

    block   one transformer block at the published sizes, both branches of guidance, 2 x 257 tokens
    step    one guided step of the whole velocity network: 65 + 33 blocks, 2 items, structure path on
    vision  vision tower and aligner, one picture of 384 x 384
    vae     autoencoder, one picture of 256 x 256 to its latent and back
    lora    one training step of an adapter beside the whole velocity network, rank 16, all attention layers, one
            picture; needs `peft` too
    train   one training step of the mini model, 32 items (here a share of them for each thread), AdamW; in bf16
            with float32 weights (autocast)
    train_vae  one training step of the mini autoencoder, 32 crops of 32 x 32, likewise
    upscale  three upscaling networks, with `ncnn` (from PyPI) as a third side: animevideov3 on 64 x 64 and on
            256 x 256 pixels, x4plus-anime on 256 x 256; each by itself is upscale_64, upscale_256, upscale_esrgan

`benches/torch_shapes.py` states the blocks in PyTorch; `shapes` in this crate is our side. One run of each
takes its turn after the other, the first of each is dropped, and medians are compared. PyTorch runs
eagerly; its convolutions get channels-last maps, which is faster for them.
"""

import argparse
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# What is compared: (name, our types, PyTorch's types, runs). Each of our types is compared with
# each of PyTorch's in the same line.
PLAN = {
    "block": (["f32", "bf16", "int8"], ["f32", "bf16"], 15),
    "step": (["f32", "bf16", "int8"], ["f32", "bf16"], 3),
    "vision": (["f32", "bf16"], ["f32", "bf16"], 5),
    "vae": (["f32", "bf16"], ["f32", "bf16"], 5),
    "lora": (["f32", "bf16", "int8"], ["f32", "bf16"], 3),
    "train": (["f32", "bf16"], ["f32", "bf16"], 7),
    "train_vae": (["f32"], ["f32", "bf16"], 15),
    "upscale_64": (["f32", "bf16"], ["f32", "ncnn"], 15),
    "upscale_256": (["f32", "bf16"], ["f32", "ncnn"], 7),
    "upscale_esrgan": (["f32", "bf16"], ["f32", "ncnn"], 2),
}
# Several by one name.
GROUPS = {"upscale": ["upscale_64", "upscale_256", "upscale_esrgan"]}
TITLES = {
    "block": "transformer block, 2 x 257 tokens",
    "step": "guided step",
    "vision": "vision tower and aligner",
    "vae": "VAE encode + decode",
    "lora": "training step of an adapter",
    "train": "training step of mini, 32 items",
    "train_vae": "training step of mini's autoencoder",
    "upscale_64": "animevideov3, 64 to 256 pixels",
    "upscale_256": "animevideov3, 256 to 1024 pixels",
    "upscale_esrgan": "x4plus-anime, 256 to 1024 pixels",
    "picture": "whole picture: 50 steps, vision, VAE (computed)",
}


def processor_seconds(process):
    """Time on processors of all threads of a process so far; None where the system does not tell."""
    try:
        stats = [path.read_text() for path in Path(f"/proc/{process}/task").glob("*/schedstat")]
    except OSError:
        return None
    return sum(int(stat.split()[0]) for stat in stats) / 1e9 if stats else None


class Ours:
    """A process of ours that does one run for every line it gets."""

    def __init__(self, name, dtype, threads, command):
        # Freed pages are kept, as the program keeps them.
        environment = dict(os.environ, RAYON_NUM_THREADS=str(threads), MIMALLOC_PURGE_DELAY="-1")
        self.process = subprocess.Popen(
            [*command, name, dtype],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment,
        )
        self.about = self.answer()

    @property
    def number(self):
        return self.process.pid

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{shlex.join(map(str, self.process.args))} ended: {self.process.wait()}")
        return json.loads(line)

    def run(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.answer()["seconds"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Theirs:
    """A computation of PyTorch in this process."""

    number = os.getpid()

    def __init__(self, name, dtype, threads):
        if dtype == "ncnn":
            import ncnn_shapes

            self.computation = getattr(ncnn_shapes, name)(threads)
        else:
            import torch_shapes

            self.computation = getattr(torch_shapes, name)(dtype)

    def run(self):
        begin = time.perf_counter()
        self.computation()
        return time.perf_counter() - begin

    def close(self):
        self.computation = None


def measure(name, runs, threads, command):
    """Medians of all sides, in turns."""
    ours, theirs, count = PLAN[name]
    count = runs or count
    sides = {f"ours {dtype}": Ours(name, dtype, threads, command) for dtype in ours}
    sides |= {f"torch {dtype}": Theirs(name, dtype, threads) for dtype in theirs}
    seconds, busy = ({label: [] for label in sides} for _ in range(2))
    for turn in range(count + 1):
        for label, side in sides.items():
            before = processor_seconds(side.number)
            taken = side.run()
            if turn > 0:
                seconds[label].append(taken)
                if before is not None:
                    busy[label].append(processor_seconds(side.number) - before)
            print(f"\r{name}: turn {turn} of {count}, {label} {taken:.3f} s   ", end="", file=sys.stderr)
            time.sleep(0.05)  # threads of the other side come to rest
    print(file=sys.stderr)
    for side in sides.values():
        side.close()
    rows = []
    for mine in ours:
        for other in theirs:
            labels = f"ours {mine}", f"torch {other}"
            left, right = (statistics.median(seconds[label]) for label in labels)
            row = {"name": name, "ours": mine, "torch": other, "ours_s": left, "torch_s": right, "ratio": left / right}
            if all(busy[label] for label in labels):
                # Alike on an idle machine; on a busy one this is the ratio to trust.
                left, right = (statistics.median(busy[label]) for label in labels)
                row["processor_ratio"] = left / right
            rows.append(row)
    return {"rows": rows, "seconds": seconds, "processor_seconds": busy}


def whole_pictures(rows):
    """What 50 guided steps, vision and autoencoder make together; computed, not measured."""
    found = {(row["name"], row["ours"], row["torch"]): row for row in rows}
    for mine, other in sorted({(row["ours"], row["torch"]) for row in rows if row["name"] == "step"}):
        # What was not measured in 8 bits runs in bfloat16.
        rest = "bf16" if mine == "int8" else mine
        keys = {"step": ("step", mine, other), "vision": ("vision", rest, other), "vae": ("vae", rest, other)}
        parts = {name: found[key] for name, key in keys.items() if key in found}
        if {"step", "vision", "vae"} <= set(parts):
            left, right = (50 * parts["step"][side] + parts["vision"][side] + parts["vae"][side] for side in ("ours_s", "torch_s"))
            yield {"name": "picture", "ours": mine, "torch": other, "ours_s": left, "torch_s": right, "ratio": left / right}


def table(rows):
    """Markdown."""
    lines = ["| what | ours | s | PyTorch | s | ours / PyTorch | of processor time |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        busy = f"{row['processor_ratio']:.2f}" if "processor_ratio" in row else ""
        lines.append(
            f"| {TITLES[row['name']]} | {row['ours']} | {row['ours_s']:.4g} | {row['torch']} | {row['torch_s']:.4g} | {row['ratio']:.2f} | {busy} |"
        )
    return "\n".join(lines)


def plot(rows, path, title):
    """Bars of the ratios, as SVG; shorter is faster, the line is PyTorch."""
    width, height, left = 800, 40 + 26 * len(rows), 400
    unit = (width - left - 60) / max(1.0, *(row["ratio"] for row in rows))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">']
    parts.append(f'<rect width="{width}" height="{height}" fill="white"/>')
    parts.append(f'<text x="10" y="20" font-weight="bold">{title}</text>')
    for index, row in enumerate(rows):
        y = 34 + 26 * index
        colour = "#3a7d44" if row["ratio"] <= 1 else "#b5533c"
        label = f"{TITLES[row['name']]}: {row['ours']} / {row['torch']}"
        bar = row["ratio"] * unit
        parts.append(f'<text x="{left - 8}" y="{y + 15}" text-anchor="end">{label}</text>')
        parts.append(f'<rect x="{left}" y="{y}" width="{bar:.0f}" height="20" fill="{colour}"/>')
        parts.append(f'<text x="{left + bar + 6:.0f}" y="{y + 15}">{row["ratio"]:.2f}</text>')
    parts.append(f'<line x1="{left + unit:.0f}" y1="28" x2="{left + unit:.0f}" y2="{height - 4}" stroke="black" stroke-dasharray="4 3"/>')
    parts.append("</svg>\n")
    Path(path).write_text("\n".join(parts))


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def program(profile):
    """Builds our side and returns where it is."""
    command = ["cargo", "build", "--profile", profile, "-p", "flowinone-benches", "--bin", "shapes"]
    command += ["--message-format=json-render-diagnostics"]
    built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if built.returncode:
        sys.exit(f"{shlex.join(command)} failed")
    messages = (json.loads(line) for line in built.stdout.splitlines())
    return next(m["executable"] for m in messages if m.get("executable") and m["target"]["name"] == "shapes")


def write(path, about, rows, runs):
    Path(path).write_text(json.dumps({"about": about, "rows": rows, "runs": runs}, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help=f"comma-separated: {', '.join([*PLAN, *GROUPS])}")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="on both sides (default: all)")
    parser.add_argument("--runs", type=int, help="of each side, after the first (default: by size, 3 to 15)")
    parser.add_argument("--profile", default="release", help="cargo's (default: release)")
    parser.add_argument("--ours", type=shlex.split, help="command instead of building `shapes`")
    parser.add_argument("--json", default="compare.json", help="results with every run (default: compare.json)")
    parser.add_argument("--plot", help="SVG of the ratios")
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else list(PLAN)
    names = [one for name in names for one in GROUPS.get(name, [name])]
    for name in names:
        if name not in PLAN:
            parser.error(f"{name!r} is none of {', '.join(PLAN)}")

    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(arguments.threads)
    import torch

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    sys.path.insert(0, str(ROOT / "benches"))
    command = arguments.ours or [program(arguments.profile)]
    about = {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": arguments.threads,
        "torch": torch.__version__,
        "rustc": subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.strip(),
        "profile": arguments.profile,
        "date": time.strftime("%Y-%m-%d"),
    }
    rows, runs = [], {}
    for name in names:
        found = measure(name, arguments.runs, arguments.threads, command)
        rows += found["rows"]
        runs[name] = {part: found[part] for part in ("seconds", "processor_seconds")}
        write(arguments.json, about, rows, runs)
    rows += whole_pictures(rows)
    write(arguments.json, about, rows, runs)
    print(", ".join(f"{key} {value}" for key, value in about.items()), end="\n\n")
    print(table(rows))
    if arguments.plot:
        plot(rows, arguments.plot, f"Seconds, ours over PyTorch; threads: {arguments.threads}; dashed: equal")


if __name__ == "__main__":
    main()
