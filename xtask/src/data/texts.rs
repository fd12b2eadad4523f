//! What is done to the files of packages of text so that they are data sets of ours.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::files_below;

/// Makes `GENRE/ID.txt` of the tagged documents of the Brown corpus, words with spaces between and a sentence a line, and
/// `tags.tsv`: `word<TAB>tag` a line and an empty line behind each sentence, the sentences in the order of the text files.
pub(super) fn brown_by_genre(folder: &Path) -> Result<()> {
    let listed = std::fs::read_to_string(folder.join("cats.txt"))?;
    let mut documents = BTreeMap::new();
    for line in listed.lines().filter(|line| !line.is_empty()) {
        let (id, genre) = line.split_once(' ').context("a line without a genre")?;
        documents.insert(format!("{genre}/{id}.txt"), id);
    }
    let mut tags = String::new();
    for (name, id) in documents {
        let from = folder.join(id);
        let document = std::fs::read_to_string(&from)?;
        let text = untag(&document, &mut tags).with_context(|| format!("document {id}"))?;
        let to = folder.join(name);
        std::fs::create_dir_all(to.parent().context("a file without a folder")?)?;
        std::fs::write(to, text)?;
        std::fs::remove_file(from)?;
    }
    std::fs::write(folder.join("tags.tsv"), tags)?;
    for other in ["cats.txt", "categories.pickle", "package.json"] {
        std::fs::remove_file(folder.join(other))?;
    }
    Ok(())
}

/// The text of a document of `word/tag`; its words with their tags are appended to `tags`.
fn untag(document: &str, tags: &mut String) -> Result<String> {
    let mut text = String::new();
    for sentence in document.lines().filter(|line| !line.trim().is_empty()) {
        let mut between = "";
        for token in sentence.split_whitespace() {
            let (word, tag) = token
                .rsplit_once('/')
                .with_context(|| format!("no tag in `{token}`"))?;
            write!(text, "{between}{word}")?;
            writeln!(tags, "{word}\t{}", base_tag(tag))?;
            between = " ";
        }
        text.push('\n');
        tags.push('\n');
    }
    Ok(text)
}

/// The tag of the Brown corpus without what says that a word is cited or stands in a title or headline; `fw` for
/// every foreign word.
fn base_tag(tag: &str) -> &str {
    if tag.starts_with("fw-") {
        return "fw";
    }
    let end = tag.trim_start_matches('-').find('-');
    let dashes = tag.len() - tag.trim_start_matches('-').len();
    match (dashes, end) {
        // The tag of the dash, alone or before a suffix.
        (2.., _) => "--",
        (_, Some(end)) => &tag[..dashes + end],
        (_, None) => tag,
    }
}

/// Makes `PARTY/YEAR-president.txt` of `YEAR_president_letters.txt`; `party.json` says which party the letters are.
pub(super) fn addresses_by_party(folder: &Path) -> Result<()> {
    let names = folder.join("party.json");
    let parties: BTreeMap<String, String> =
        serde_json::from_str(&std::fs::read_to_string(&names)?)?;
    std::fs::remove_file(names)?;
    for name in files_below(folder)? {
        let Some(stem) = name.strip_suffix(".txt") else {
            continue;
        };
        let (speech, letters) = stem.rsplit_once('_').context("no party in a file's name")?;
        let party = parties
            .get(letters)
            .with_context(|| format!("party.json does not name `{letters}`"))?;
        let party = party
            .to_lowercase()
            .replace(" & ", "-and-")
            .replace(' ', "-");
        let to = folder.join(party);
        std::fs::create_dir_all(&to)?;
        let file = format!("{}.txt", speech.replace('_', "-"));
        std::fs::rename(folder.join(&name), to.join(file))?;
    }
    Ok(())
}

/// Makes `glosses.tsv`, with a header, of WordNet's `data.*`: the lexicographer file and the definition of each synset.
pub(super) fn glosses_with_classes(folder: &Path) -> Result<()> {
    let mut table = "class\tgloss\n".to_owned();
    for part in ["adj", "adv", "noun", "verb"] {
        let from = folder.join(format!("data.{part}"));
        let synsets = std::fs::read_to_string(&from)?;
        // The licence stands first, in lines that begin with two spaces.
        for line in synsets.lines().filter(|line| !line.starts_with("  ")) {
            let (class, gloss) = class_and_gloss(line).with_context(|| format!("in `{line}`"))?;
            writeln!(table, "{class}\t{gloss}")?;
        }
        std::fs::remove_file(from)?;
    }
    Ok(std::fs::write(folder.join("glosses.tsv"), table)?)
}

/// The name of the lexicographer file of a synset and its definition, without the examples, which are quoted.
///
/// The line is `offset file_number type ... | definition; "example"; "example"` (wndb(5WN)).
fn class_and_gloss(line: &str) -> Result<(&str, &str)> {
    let (synset, gloss) = line.split_once(" | ").context("no gloss")?;
    let number = synset.split(' ').nth(1).context("no file number")?;
    let class = LEXICOGRAPHER_FILES
        .get(number.parse::<usize>()?)
        .context("an unknown file number")?;
    let end = gloss.find("; \"").unwrap_or(gloss.len());
    let definition = gloss[..end].trim();
    if definition.is_empty() || definition.starts_with('"') || definition.contains('\t') {
        bail!("no definition that a table can hold");
    }
    Ok((class, definition))
}

/// The lexicographer files of WordNet 3.0 by their numbers (lexnames(5WN)).
const LEXICOGRAPHER_FILES: [&str; 45] = [
    "adj.all",
    "adj.pert",
    "adv.all",
    "noun.Tops",
    "noun.act",
    "noun.animal",
    "noun.artifact",
    "noun.attribute",
    "noun.body",
    "noun.cognition",
    "noun.communication",
    "noun.event",
    "noun.feeling",
    "noun.food",
    "noun.group",
    "noun.location",
    "noun.motive",
    "noun.object",
    "noun.person",
    "noun.phenomenon",
    "noun.plant",
    "noun.possession",
    "noun.process",
    "noun.quantity",
    "noun.relation",
    "noun.shape",
    "noun.state",
    "noun.substance",
    "noun.time",
    "verb.body",
    "verb.change",
    "verb.cognition",
    "verb.communication",
    "verb.competition",
    "verb.consumption",
    "verb.contact",
    "verb.creation",
    "verb.emotion",
    "verb.motion",
    "verb.perception",
    "verb.possession",
    "verb.social",
    "verb.stative",
    "verb.weather",
    "adj.ppl",
];

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A folder of this process with these files.
    fn folder_with(name: &str, files: &[(&str, &str)]) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in files {
            std::fs::write(folder.join(name), text).unwrap();
        }
        folder
    }

    /// Checks that the folder holds these files and no others, and removes it.
    #[track_caller]
    fn check_and_remove(folder: &Path, expected: &[(&str, &str)]) {
        let names: Vec<&str> = expected.iter().map(|(name, _)| *name).collect();
        assert_eq!(files_below(folder).unwrap(), names);
        for (name, text) in expected {
            assert_eq!(&std::fs::read_to_string(folder.join(name)).unwrap(), text);
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn documents_lie_by_genre_and_their_tags_in_the_same_order() {
        let files = [
            ("README", "BROWN CORPUS"),
            ("cats.txt", "ca01 news\ncb01 editorial\n"),
            ("categories.pickle", ""),
            ("package.json", ""),
            (
                "ca01",
                "\n\n\tOne/cd half/abn 1\\/2/cd ./.\n\n\n\tEt/fw-cc al./fw-ap\n",
            ),
            (
                "cb01",
                "\n\tThe/at-tl ``/`` end/nn-tl-hl ---/---hl it's/pps+bez\n",
            ),
        ];
        let folder = folder_with("brown", &files);
        brown_by_genre(&folder).unwrap();
        let expected = [
            ("README", "BROWN CORPUS"),
            ("editorial/cb01.txt", "The `` end --- it's\n"),
            ("news/ca01.txt", "One half 1\\/2 .\nEt al.\n"),
            (
                "tags.tsv",
                "The\tat\n``\t``\nend\tnn\n---\t--\nit's\tpps+bez\n\n\
                 One\tcd\nhalf\tabn\n1\\/2\tcd\n.\t.\n\nEt\tfw\nal.\tfw\n\n",
            ),
        ];
        check_and_remove(&folder, &expected);
    }

    #[test]
    fn a_word_without_a_tag_is_refused() {
        let error = untag("the/at jury", &mut String::new()).unwrap_err();
        assert_eq!(error.to_string(), "no tag in `jury`");
    }

    #[test]
    fn speeches_lie_by_party() {
        let files = [
            ("LICENSE", "CC0"),
            (
                "party.json",
                r#"{"wd": "Whig & Democratic", "nu": "National Union"}"#,
            ),
            ("1841_john_tyler_wd.txt", "Fellow-citizens"),
            ("1865_andrew_johnson_nu.txt", "To express"),
        ];
        let folder = folder_with("addresses", &files);
        addresses_by_party(&folder).unwrap();
        let expected = [
            ("LICENSE", "CC0"),
            ("national-union/1865-andrew-johnson.txt", "To express"),
            ("whig-and-democratic/1841-john-tyler.txt", "Fellow-citizens"),
        ];
        check_and_remove(&folder, &expected);

        let files = [("party.json", "{}"), ("1841_john_tyler_wd.txt", "")];
        let folder = folder_with("addresses-unnamed", &files);
        assert!(addresses_by_party(&folder).is_err());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn glosses_have_the_names_of_their_files_and_no_examples() {
        let adverb = "  1 This software and database\n00001740 02 r 01 a_cappella 0 000 | without \
                      accompaniment; sung; \"they performed a cappella\"; \"or so\"  \n";
        let noun = "00001740 03 n 01 entity 0 000 | that which is  \n";
        let files = [
            ("data.adj", ""),
            ("data.adv", adverb),
            ("data.noun", noun),
            ("data.verb", ""),
        ];
        let folder = folder_with("glosses", &files);
        glosses_with_classes(&folder).unwrap();
        let expected =
            "class\tgloss\nadv.all\twithout accompaniment; sung\nnoun.Tops\tthat which is\n";
        check_and_remove(&folder, &[("glosses.tsv", expected)]);
    }

    #[test]
    fn a_synset_that_is_none_is_refused() {
        for line in [
            "00001740 03 n 01 entity 0 000",
            "00001740 45 n 01 entity 0 000 | that which is",
            "00001740 03 n 01 entity 0 000 | \"an entity\"",
            "00001740",
        ] {
            assert!(class_and_gloss(line).is_err(), "{line}");
        }
    }
}
