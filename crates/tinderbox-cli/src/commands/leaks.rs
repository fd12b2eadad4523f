//! `data leaks`: which test items are in the training data too.

use std::path::Path;

use serde_json::json;
use tinderbox::data::Labelled;
use tinderbox::data::leak::{self, LeakConfig, Same};
use tinderbox::data::table::shared_rows;

use crate::args::LeaksArgs;
use crate::dataset::open_unsplit;
use crate::error::CliError;
use crate::inputs::Items;
use crate::inspect::Source;
use crate::recipe::DataRecipe;
use crate::session::Context;
use crate::table::Table;

/// Pairs that are printed; JSON has all.
const SHOWN: usize = 20;

pub(super) fn run(args: &LeaksArgs, context: Context<'_>) -> Result<(), CliError> {
    if let Some(distance) = args.distance.filter(|distance| *distance > 64) {
        let message = format!("`--distance` is {distance}, expected 0 to 64");
        return Err(CliError::usage(message));
    }
    let (train, test) = (open(&args.train)?, open(&args.test)?);
    if args.distance.is_some() && !matches!(test, Items::Images(_)) {
        return Err(CliError::usage(format!(
            "`--distance` is for images, and {} holds none",
            args.test.display()
        )));
    }
    let config = LeakConfig {
        pixels: true,
        distance: args.distance,
    };
    let (leaks, items) = match (&train, &test) {
        (Items::Images(train), Items::Images(test)) => {
            (leak::check(&**train, &**test, config), "images")
        }
        (Items::Rows(train), Items::Rows(test)) => {
            let (leaks, ledger) = shared_rows(train, test)?;
            for items in [train, test] {
                context.output.ledger(&items.ledger());
            }
            context.output.ledger(&ledger);
            (leaks, "rows")
        }
        _ => {
            let kind = |items: &Items| match items {
                Items::Images(_) => "images",
                Items::Rows(_) => "rows of a table",
                Items::Texts(_) => "texts",
            };
            return Err(CliError::usage(format!(
                "{} holds {}, and {} {}: nothing to compare",
                args.train.display(),
                kind(&train),
                args.test.display(),
                kind(&test)
            )));
        }
    };
    let id = |items: &Items, index| items.labelled().id(index);
    let how = |same: Same| match same {
        Same::Bytes => "equal bytes".to_owned(),
        Same::Values => "equal values".to_owned(),
        Same::Pixels => "equal pixels".to_owned(),
        Same::Near(bits) => format!("{bits} bits differ"),
    };
    let pairs: Vec<_> = leaks
        .found
        .iter()
        .map(|leak| (id(&test, leak.test), id(&train, leak.train), how(leak.same)))
        .collect();
    let mut table = Table::new(["in the test", "in training", "how"]).left();
    for (test, train, how) in pairs.iter().take(SHOWN) {
        table.row([test, train, how]);
    }
    let output = context.output;
    if !pairs.is_empty() {
        output.text(&table.render());
    }
    if pairs.len() > SHOWN {
        output.text(&format!(
            "and {} more; `--json` has all\n",
            pairs.len() - SHOWN
        ));
    }
    let near = |same: Same| matches!(same, Same::Near(_));
    let alike = leaks.found.iter().filter(|leak| near(leak.same)).count();
    output.text(&format!(
        "{} of {} test {items} are in the training data, of {}\n",
        pairs.len() - alike,
        test.count(),
        train.count()
    ));
    match args.distance {
        Some(_) => output.text(&format!("{alike} more look like one of them\n")),
        None if items == "images" => output.text(
            "Copies that were resized or stored anew with loss have other pixels: `--distance 4` finds them too.\n",
        ),
        None => {}
    }
    let unreadable = leaks.unreadable_train.len() + leaks.unreadable_test.len();
    if unreadable > 0 {
        output.warn(&format!(
            "{unreadable} {items} could not be read and were not compared"
        ));
    }
    output.json(&json!({
        "train": train.count(),
        "test": test.count(),
        "unreadable": unreadable,
        "leaks": pairs.iter().map(|(test, train, how)| json!({"test": test, "train": train, "how": how})).collect::<Vec<_>>(),
    }));
    Ok(())
}

fn open(path: &Path) -> Result<Items, CliError> {
    match Source::find(path)? {
        Source::Images(recipe) => Ok(open_unsplit(&recipe, false)?),
        Source::Table(path) => Ok(open_unsplit(&DataRecipe::table(path), false)?),
        Source::Text(_) | Source::Tags(_) | Source::Questions(_) | Source::Sound(_) => {
            Err(CliError::usage(format!(
                "{} holds neither images nor a table, and only these are compared",
                path.display()
            )))
        }
    }
}
