#!/usr/bin/env python3
"""Seconds a picture and memory of a model, over batch sizes and threads, by the program itself.

    flowinone init -o models/random --dtype bf16
    python3 benches/scaling.py --model models/random --program target/release/flowinone

Every run makes one batch of copies of one prompt picture in a few guided steps. A picture of N steps is
computed from it: what is done once, and N times the last steps. Prints Markdown.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

SUMMARY = re.compile(
    r"vision ([\d.]+) s, structure ([\d.]+) s, ([\d.]+) s a step, decode ([\d.]+) s, peak memory ([\d.]+) GiB"
)


def measured(options, folder, threads, batch):
    """Seconds and GiB of one run."""
    inputs, outputs = folder / f"in-{batch}", folder / f"out-{batch}-{threads}"
    inputs.mkdir(exist_ok=True)
    for copy in range(batch):
        shutil.copy(options.prompt, inputs / f"{copy}{options.prompt.suffix}")
    command = [options.program, "generate", "--model", options.model, "--input", inputs, "--output", outputs]
    command += ["--task", "force", "--steps", options.steps, "--dtype", options.dtype, "--batch-size", batch]
    command += ["--device", "cpu"]
    environment = os.environ | {"RAYON_NUM_THREADS": str(threads)}
    run = subprocess.run([str(part) for part in command], env=environment, capture_output=True, text=True)
    found = SUMMARY.search(run.stdout + run.stderr)
    if run.returncode != 0 or not found:
        raise SystemExit(f"{command} failed:\n{run.stderr}")
    shutil.rmtree(outputs)
    return [float(number) for number in found.groups()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--program", default="target/release/flowinone")
    parser.add_argument("--prompt", type=pathlib.Path, default=pathlib.Path("docs/src/prompts/force.png"))
    parser.add_argument("--dtype", default="bf16")
    parser.add_argument("--steps", type=int, default=1, help="guided steps that are measured")
    parser.add_argument("--picture-steps", type=int, default=50, help="guided steps of a whole picture")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()

    print(f"| threads | batch | vision, structure, decode | a guided step | a picture of {options.picture_steps} steps | peak memory |")
    print("|---:|---:|---:|---:|---:|---:|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for threads in options.threads:
            for batch in options.batches:
                vision, structure, step, decode, peak = measured(options, pathlib.Path(folder), threads, batch)
                once = (vision + structure + decode) / batch
                picture = once + options.picture_steps * step / batch
                print(
                    f"| {threads} | {batch} | {once:.2f} s | {step / batch:.2f} s | {picture:.0f} s | {peak:.2f} GiB |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
