//! The page of an inspection: one HTML file without scripts, its pictures inside.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};

use super::{Chart, Inspection};
use crate::report::{document, ledger};

pub(super) fn render(inspection: &Inspection, title: &str) -> String {
    let body = html! {
        h1 { (title) }
        table {
            @for (name, value) in &inspection.facts {
                tr { th { (name) } td { (value) } }
            }
        }
        (ledger(&inspection.ledger))
        @for warning in &inspection.warnings { p { strong { "Mind: " } (warning) } }
        @if let Some((png, caption)) = &inspection.sheet {
            h2 { "Views" }
            p.soft { (caption) }
            img.sheet alt=(caption) src=(format!("data:image/png;base64,{}", STANDARD.encode(png)));
        }
        @if !inspection.charts.is_empty() { h2 { "Distributions" } }
        div.charts { @for chart in &inspection.charts { (bars(chart)) } }
        @if !inspection.details.is_empty() { h2 { "Details" } pre { (inspection.details) } }
        h2 { "Recipe" }
        p.soft { "To edit; each line says why." }
        pre { (inspection.recipe) }
    };
    document(title, body)
}

fn bars(chart: &Chart) -> Markup {
    let most = chart
        .bars
        .iter()
        .map(|(_, count)| *count)
        .max()
        .unwrap_or(0)
        .max(1);
    html! {
        figure {
            figcaption { strong { (chart.title) } " " span.soft { (chart.hint) } }
            table.bars {
                @for (label, count) in &chart.bars {
                    tr {
                        th { (label) }
                        td { div.bar style=(format!("width:{:.1}%", 100.0 * *count as f64 / most as f64)) {} }
                        td.count { (count) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_all_and_escapes_it() {
        let inspection = Inspection {
            kind: "table",
            facts: vec![("rows".into(), "3".into())],
            charts: vec![Chart {
                title: "<b>".into(),
                hint: String::new(),
                bars: vec![("from 0".into(), 1), ("from 1".into(), 4)],
            }],
            sheet: Some((vec![1, 2, 3], "two views".into())),
            recipe: "version = 1".into(),
            ..Inspection::default()
        };
        let page = render(&inspection, "a & b");
        assert!(page.starts_with("<!DOCTYPE html>"));
        for part in [
            "a &amp; b",
            "&lt;b&gt;",
            "width:25.0%",
            "width:100.0%",
            "data:image/png;base64,AQID",
            "version = 1",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("<script") && !page.contains("<b>"));
    }
}
