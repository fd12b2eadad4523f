"""gensim's word2vec on a corpus of a sentence a line; prints its speed as JSON. `cargo xtask bench peers words` starts it."""

import argparse
import json
import time

from gensim.models import Word2Vec


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["skip-gram", "cbow"])
    parser.add_argument("corpus")
    parser.add_argument("out", help="the vectors, as word2vec's text")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--from-file", action="store_true", help="gensim reads the file itself, on all threads")
    arguments = parser.parse_args()
    with open(arguments.corpus, encoding="utf-8") as lines:
        sentences = [line.split() for line in lines]
    model = Word2Vec(
        vector_size=100,
        window=5,
        negative=5,
        min_count=5,
        sample=1e-3,
        sg=int(arguments.kind == "skip-gram"),
        workers=arguments.threads,
        seed=arguments.seed,
    )
    model.build_vocab(sentences)
    words = sum(map(len, sentences))
    how = (
        {"corpus_file": arguments.corpus, "total_words": words}
        if arguments.from_file
        else {"corpus_iterable": sentences}
    )
    start = time.perf_counter()
    model.train(total_examples=len(sentences), epochs=5, **how)
    seconds = time.perf_counter() - start
    model.wv.save_word2vec_format(arguments.out)
    print(json.dumps({"seconds": seconds, "per_second": 5 * words / seconds, "vocabulary": len(model.wv)}))


if __name__ == "__main__":
    main()
