"""Opens an exported folder of a BERT with transformers and shows what it computes.

`cargo xtask bench peers open_with_transformers -- FOLDER`: the first entries of the states of a sentence's tokens, and of a
model with a head for masked tokens its five likeliest words at a mask. Weights that the folder lacks, or that transformers
does not know, are an error. Without a folder it opens that of `cargo xtask data minilm`.

With `--texts FILE --features CSV`, where CSV is what `tinderbox embed RUN --data FILE --out CSV` wrote, it makes the features of the texts from
raw text alone, by the exported tokeniser and the means of states, and fails if any is further from the program's than 1e-4.
"""

import argparse
import csv
from pathlib import Path

import torch
from transformers import AutoConfig, AutoTokenizer, BertForMaskedLM, BertModel

from _results import write


def open_model(folder, architecture):
    """The model, only if the folder's weights are its own: none missing but the pooler's, none left over, none of another shape."""
    kind = BertForMaskedLM if architecture == "BertForMaskedLM" else BertModel
    model, report = kind.from_pretrained(folder, output_loading_info=True)
    missing = [name for name in report["missing_keys"] if "pooler." not in name]
    wrong = {**report, "missing_keys": missing}
    wrong = {what: sorted(map(str, names)) for what, names in wrong.items() if names}
    if wrong:
        raise SystemExit(f"{folder}: {wrong}")
    return model.eval()


@torch.no_grad()
def states_of(model, tokeniser, sentence, entries):
    """A row for each token."""
    encoded = tokeniser(sentence, return_tensors="pt")
    encoder = getattr(model, "bert", model)
    states = encoder(**encoded).last_hidden_state[0, :, :entries].tolist()
    tokens = tokeniser.convert_ids_to_tokens(encoded["input_ids"][0])
    return [
        {"name": token, "note": " ".join(f"{value:8.5f}" for value in state)}
        for token, state in zip(tokens, states)
    ]


@torch.no_grad()
def guesses_of(model, tokeniser, sentence):
    """Five rows for each mask."""
    encoded = tokeniser(sentence, return_tensors="pt")
    logits = model(**encoded).logits[0]
    rows = []
    for place in (encoded["input_ids"][0] == tokeniser.mask_token_id).nonzero().squeeze(1):
        best = logits[place].softmax(0).topk(5)
        words = tokeniser.convert_ids_to_tokens(best.indices)
        rows += [
            {"name": word, "note": f"{100 * share:.1f} % at token {place}"}
            for word, share in zip(words, best.values.tolist())
        ]
    return rows


@torch.no_grad()
def compare(model, tokeniser, texts, features):
    """A row with the largest difference from the program's features."""
    lines = [line for line in texts.read_text().splitlines() if line.strip()]
    with features.open() as file:
        own = [[float(value) for value in row[1:-1]] for row in list(csv.reader(file))[1:]]
    encoded = tokeniser(lines, return_tensors="pt", padding=True, truncation=True)
    states = getattr(model, "bert", model)(**encoded).last_hidden_state
    read = encoded["attention_mask"].unsqueeze(2)
    means = (states * read).sum(1) / read.sum(1)
    apart = (means - torch.tensor(own)).abs().max().item()
    if apart > 1e-4:
        raise SystemExit(f"features of {texts} are {apart:.2e} apart")
    return {"name": "features", "note": f"of {len(lines)} texts at most {apart:.1e} apart"}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path("data/minilm"))
    parser.add_argument("--json", type=Path, help="where the table is written")
    parser.add_argument("--sentence", default="The government of the people must be just.")
    parser.add_argument("--masked", default="The government of the [MASK] must be just.")
    parser.add_argument("--entries", type=int, default=6, help="of a state")
    parser.add_argument("--texts", type=Path, help="a text a line")
    parser.add_argument("--features", type=Path, help="the program's features of these texts")
    arguments = parser.parse_args()
    config = AutoConfig.from_pretrained(arguments.folder)
    architecture = (config.architectures or ["BertModel"])[0]
    tokeniser = AutoTokenizer.from_pretrained(arguments.folder)
    if len(tokeniser) != config.vocab_size:
        raise SystemExit(f"{len(tokeniser)} tokens, but the model has {config.vocab_size}")
    model = open_model(arguments.folder, architecture)
    rows = states_of(model, tokeniser, arguments.sentence, arguments.entries)
    if isinstance(model, BertForMaskedLM):
        rows += guesses_of(model, tokeniser, arguments.masked)
    if arguments.texts and arguments.features:
        rows.append(compare(model, tokeniser, arguments.texts, arguments.features))
    print(f"{architecture}: {config.num_hidden_layers} layers of {config.hidden_size}")
    for row in rows:
        print(f"{row['name']:>16}  {row['note']}")
    if arguments.json:
        write(arguments.json, rows, model=architecture)


if __name__ == "__main__":
    main()
