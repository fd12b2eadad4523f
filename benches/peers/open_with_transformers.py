"""Opens an exported folder of a BERT with transformers and shows what it computes.

`cargo xtask bench peers open_with_transformers -- FOLDER`: the first entries of the states of a sentence's tokens, and of a
model with a head for masked tokens its five likeliest words at a mask. Weights that the folder lacks, or that transformers
does not know, are an error. Without a folder it opens that of `cargo xtask data minilm`.

With `--texts FILE --features features.npy` it compares the features of the lines of a file with those that `tinderbox embed FOLDER
--data FILE --out features.npy` wrote, in two ways: by transformers (tokens, states, and the pooling in `1_Pooling`), and by
sentence-transformers, which reads all that by itself.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from transformers import AutoConfig, AutoTokenizer, BertForMaskedLM, BertModel, BertTokenizerFast


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


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


@torch.no_grad()
def features_of(folder, texts):
    """A row for each text, by what the folder says of pooling and normalisation."""
    tokeniser = AutoTokenizer.from_pretrained(folder)
    model = BertModel.from_pretrained(folder).eval()
    mode = load(folder / "1_Pooling" / "config.json")
    normalise = any(module["type"].endswith(".Normalize") for module in load(folder / "modules.json"))
    encoded = tokeniser(texts, padding=True, truncation=True, return_tensors="pt")
    states = model(**encoded).last_hidden_state
    seen = encoded["attention_mask"][:, :, None].bool()
    if mode["pooling_mode_cls_token"]:
        features = states[:, 0]
    elif mode["pooling_mode_max_tokens"]:
        features = states.masked_fill(~seen, -1e9).amax(1)
    else:
        features = (states * seen).sum(1) / seen.sum(1)
    return (torch.nn.functional.normalize(features) if normalise else features).numpy()


def compare(folder, texts, expected, tolerance):
    """Fails unless both ways give the expected features."""
    ways = [("transformers", features_of(folder, texts))]
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        print("sentence-transformers is not there: skipped")
    else:
        encoder = SentenceTransformer(str(folder), device="cpu")
        ways.append(("sentence-transformers", encoder.encode(texts)))
    off = {name: float(np.abs(got - expected).max()) for name, got in ways}
    for name, worst in off.items():
        print(f"{name}: {len(texts)} texts, at most {worst:.2e} apart, {tolerance:.0e} allowed")
    if max(off.values()) > tolerance:
        raise SystemExit("they differ")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path("data/minilm"))
    parser.add_argument("--json", type=Path, help="where the table is written")
    parser.add_argument("--sentence", default="The government of the people must be just.")
    parser.add_argument("--masked", default="The government of the [MASK] must be just.")
    parser.add_argument("--texts", type=Path, help="a text a line")
    parser.add_argument("--features", type=Path, help="what `embed` made of them")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="of a feature")
    parser.add_argument("--entries", type=int, default=6, help="of a state")
    arguments = parser.parse_args()
    if arguments.texts:
        texts = arguments.texts.read_text(encoding="utf-8").split("\n")
        texts = [text.removesuffix("\r") for text in texts if text.strip()]
        return compare(
            arguments.folder, texts, np.load(arguments.features), arguments.tolerance
        )
    config = AutoConfig.from_pretrained(arguments.folder)
    architecture = (config.architectures or ["BertModel"])[0]
    tokeniser = BertTokenizerFast.from_pretrained(arguments.folder)
    if len(tokeniser) != config.vocab_size:
        raise SystemExit(f"{len(tokeniser)} tokens, but the model has {config.vocab_size}")
    model = open_model(arguments.folder, architecture)
    rows = states_of(model, tokeniser, arguments.sentence, arguments.entries)
    if isinstance(model, BertForMaskedLM):
        rows += guesses_of(model, tokeniser, arguments.masked)
    print(f"{architecture}: {config.num_hidden_layers} layers of {config.hidden_size}")
    for row in rows:
        print(f"{row['name']:>16}  {row['note']}")
    if arguments.json:
        from _results import write

        write(arguments.json, rows, model=architecture)


if __name__ == "__main__":
    main()
