//! `help`: a verb explained, or the keys of a recipe.

use serde_json::json;

use crate::args::{HelpArgs, command};
use crate::error::CliError;
use crate::output::Output;
use crate::recipe::{ReferenceKey, nearest, reference};

/// Columns of the narrowest terminal.
const WIDTH: usize = 80;

pub(super) fn run(args: &HelpArgs, output: &Output) -> Result<(), CliError> {
    match args.words.split_first() {
        Some((first, rest)) if first == "recipe" => of_recipe(&rest.join("."), output),
        _ => of_verb(&args.words, output),
    }
}

fn of_verb(words: &[String], output: &Output) -> Result<(), CliError> {
    let mut whole = command();
    whole.build();
    let mut found = &mut whole;
    for word in words {
        let names: Vec<String> = found
            .get_subcommands()
            .map(|it| it.get_name().into())
            .collect();
        found = match names.contains(word) {
            true => found.find_subcommand_mut(word).expect("it is one of them"),
            false => {
                let known = names.iter().map(String::as_str).chain(["recipe"]);
                return Err(CliError::Usage {
                    message: format!("there is no verb `{word}`"),
                    help: nearest(word, known).map(|near| format!("did you mean `{near}`?")),
                });
            }
        };
    }
    let help = found.render_long_help().to_string();
    output.text(&help);
    output.json(&json!({"help": help}));
    Ok(())
}

fn of_recipe(path: &str, output: &Output) -> Result<(), CliError> {
    let keys = reference();
    let below = |key: &&ReferenceKey| match path {
        "" => !key.path.contains('.'),
        _ => key
            .path
            .strip_prefix(path)
            .is_some_and(|rest| rest.starts_with('.')),
    };
    let own = keys.iter().find(|key| key.path == path);
    let inside: Vec<&ReferenceKey> = keys.iter().filter(below).collect();
    if own.is_none() && !path.is_empty() {
        let last = path.rsplit('.').next().unwrap_or_default();
        let near = nearest(path, keys.iter().map(|key| key.path.as_str()));
        let near = near.or_else(|| {
            let ends = |key: &&ReferenceKey| key.path.rsplit('.').next() == Some(last);
            keys.iter().find(ends).map(|key| key.path.as_str())
        });
        return Err(CliError::Usage {
            message: format!("a recipe has no key `{path}`"),
            help: Some(match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`tinderbox help recipe` lists its tables".into(),
            }),
        });
    }
    let mut text = match own {
        Some(key) => explained(key),
        None => "A recipe is a TOML file of these keys and tables:\n".into(),
    };
    if !inside.is_empty() {
        text += "\n";
        let start = if path.is_empty() { 0 } else { path.len() + 1 };
        let widest = inside.iter().map(|key| key.path.len() - start).max();
        let widest = widest.unwrap_or_default();
        for key in &inside {
            let name = &key.path[start..];
            text += &wrapped(&format!("  {name:widest$}  "), key.line);
        }
        let example = inside.first().map_or("", |key| key.path.as_str());
        text += &format!("\n`tinderbox help recipe {example}` says more of one of them.\n");
    }
    output.text(&text);
    let listed = own.into_iter().chain(inside);
    let listed = listed.map(|key| {
        let known = key.known.iter().map(|(kinds, known)| {
            json!({"kinds": kinds, "accepts": known.accepts, "default": known.default})
        });
        json!({"key": key.path, "line": key.line, "more": key.more, "known": known.collect::<Vec<_>>()})
    });
    output.json(&json!(listed.collect::<Vec<_>>()));
    Ok(())
}

/// All that is known of a key.
fn explained(key: &ReferenceKey) -> String {
    let mut text = wrapped(&format!("{}: ", key.path), key.line);
    if !key.is_table() {
        text += "\n";
        for (kinds, known) in &key.known {
            if let Some(kinds) = kinds {
                text += &wrapped("  with ", kinds);
            }
            text += &wrapped("  takes    ", &known.accepts);
            let default = known.default.as_deref();
            text += &wrapped("  default  ", default.unwrap_or("none"));
        }
    }
    if !key.more.is_empty() {
        text += &format!("\n{}\n", key.more);
    }
    text
}

/// Text behind a beginning, its further lines below its first.
fn wrapped(beginning: &str, text: &str) -> String {
    let indent = beginning.chars().count();
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is one");
        let long = indent + last.chars().count() + 1 + word.chars().count() > WIDTH;
        if !last.is_empty() && long {
            lines.push(word.into());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    let margin = format!("\n{}", " ".repeat(indent));
    format!("{beginning}{}\n", lines.join(&margin))
}
