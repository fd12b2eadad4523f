"""Opens an exported folder of a residual network with the Python of its own card, and compares what it computes with ours.

`cargo xtask bench peers open_with_torchvision -- FOLDER --data PICTURES --features features.npy`: the features are what
`tinderbox embed FOLDER --data PICTURES --out features.npy` wrote, and the table beside it names the pictures. The code is that of
the folder's README.md: `pixels`, which makes a picture the network's input, and the lines that load torchvision's network.
With `--inputs inputs.npy` what `pixels` returns is compared as well.
"""

import argparse
import csv
import os
import re
from pathlib import Path

import numpy as np
import torch

CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)


def names_of_card(folder, picture):
    """What the card's Python defines when it is run inside the folder, about one picture."""
    names = {}
    text = (folder / "README.md").read_text(encoding="utf-8")
    before = Path.cwd()
    os.chdir(folder)
    try:
        for block in CODE.findall(text):
            exec(block.replace('"PICTURE"', repr(str(picture))), names)
    finally:
        os.chdir(before)
    return names


def worst(got, expected):
    return float(np.abs(got - expected).max())


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="the folder of pictures")
    parser.add_argument("--features", type=Path, required=True, help="what `embed` wrote")
    parser.add_argument("--inputs", type=Path, help="inputs of the same pictures, as a .npy")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="of a feature")
    parser.add_argument("--json", type=Path, help="where the table is written")
    arguments = parser.parse_args()
    with open(arguments.features.with_suffix(".csv"), encoding="utf-8", newline="") as file:
        ids = [row["id"] for row in csv.DictReader(file)]
    pictures = [(arguments.data / name).resolve() for name in ids]
    names = names_of_card(arguments.folder, pictures[0])
    spec = arguments.folder / "preprocessing.json"
    inputs = torch.cat([names["pixels"](picture, spec) for picture in pictures])
    network = names["model"]
    # `embed` writes what the output layer reads.
    network.fc = torch.nn.Identity()
    features = network(inputs).numpy()
    rows = [("features", worst(features, np.load(arguments.features)), arguments.tolerance)]
    if arguments.inputs:
        rows.append(("inputs", worst(inputs.numpy(), np.load(arguments.inputs)), 1e-5))
    for name, off, allowed in rows:
        print(f"{name}: {len(ids)} pictures, at most {off:.2e} apart, {allowed:.0e} allowed")
    if arguments.json:
        from _results import write

        write(arguments.json, [{"name": name, "note": f"{off:.2e}"} for name, off, _ in rows])
    if any(off > allowed for _, off, allowed in rows):
        raise SystemExit("they differ")


if __name__ == "__main__":
    main()
