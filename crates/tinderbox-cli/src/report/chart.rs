//! Curves as inline SVG. Text stays text, and takes the page's colour and font.

use plotters::prelude::*;

use crate::table::tidy;

const SIZE: (u32, u32) = (520, 260);
/// More points than this are averaged; a screen shows no more.
const POINTS: usize = 400;

/// Colours of curves, readable on white and on black.
const COLOURS: [(RGBColor, &str); 5] = [
    (RGBColor(0x1f, 0x8a, 0xd6), "#1F8AD6"),
    (RGBColor(0xe0, 0x6c, 0x1f), "#E06C1F"),
    (RGBColor(0x2f, 0xa3, 0x4f), "#2FA34F"),
    (RGBColor(0xb4, 0x52, 0xcd), "#B452CD"),
    (RGBColor(0xcc, 0x3d, 0x55), "#CC3D55"),
];

/// One curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What it is.
    pub name: String,
    /// Step and value, by step.
    pub points: Vec<(f64, f64)>,
}

/// The colour of the curve at an index, as CSS.
pub fn colour(index: usize) -> &'static str {
    COLOURS[index % COLOURS.len()].1
}

/// An `<svg>` of curves over steps; empty if there is no finite point.
pub fn line_chart(series: &[Series]) -> String {
    let thinned: Vec<Vec<(f64, f64)>> = series.iter().map(|s| thin(&s.points)).collect();
    let all = || thinned.iter().flatten().copied();
    let Some((first_x, first_y)) = all().next() else {
        return String::new();
    };
    let (mut x0, mut x1, mut y0, mut y1) = (first_x, first_x, first_y, first_y);
    for (x, y) in all() {
        (x0, x1, y0, y1) = (x0.min(x), x1.max(x), y0.min(y), y1.max(y));
    }
    let pad = if y1 > y0 {
        0.05 * (y1 - y0)
    } else {
        y1.abs().max(1.0) * 0.05
    };
    if x1 <= x0 {
        x1 = x0 + 1.0;
    }
    let mut text = String::new();
    match draw(&mut text, &thinned, x0..x1, y0 - pad..y1 + pad) {
        Ok(()) => text,
        Err(_) => String::new(),
    }
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw(
    text: &mut String,
    series: &[Vec<(f64, f64)>],
    x: std::ops::Range<f64>,
    y: std::ops::Range<f64>,
) -> Drawn {
    let error = |e: DrawingAreaErrorKind<_>| -> Box<dyn std::error::Error> {
        let e: DrawingAreaErrorKind<std::io::Error> = e;
        e.to_string().into()
    };
    let root = SVGBackend::with_string(text, SIZE).into_drawing_area();
    let mut chart = ChartBuilder::on(&root)
        .margin(8)
        .x_label_area_size(26)
        .y_label_area_size(58)
        .build_cartesian_2d(x, y)
        .map_err(error)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .x_labels(6)
        .y_labels(6)
        .x_label_formatter(&|step| tidy(*step))
        .y_label_formatter(&|value| tidy(if value.abs() < 1e-12 { 0.0 } else { *value }))
        .label_style(("sans-serif", 14))
        .draw()
        .map_err(error)?;
    for (index, points) in series.iter().enumerate() {
        let style = COLOURS[index % COLOURS.len()].0.stroke_width(2);
        if let [point] = points[..] {
            let dot = Circle::new(point, 3, style.filled());
            chart.draw_series([dot]).map_err(error)?;
        } else {
            chart
                .draw_series(LineSeries::new(points.iter().copied(), style))
                .map_err(error)?;
        }
    }
    root.present().map_err(error)
}

/// At most [`POINTS`] points, each the mean of its neighbours. What is not finite is left out.
fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let finite: Vec<(f64, f64)> = points
        .iter()
        .copied()
        .filter(|(x, y)| x.is_finite() && y.is_finite())
        .collect();
    let chunk = finite.len().div_ceil(POINTS).max(1);
    finite
        .chunks(chunk)
        .map(|part| {
            let count = part.len() as f64;
            let mean = |pick: fn(&(f64, f64)) -> f64| part.iter().map(pick).sum::<f64>() / count;
            (mean(|p| p.0), mean(|p| p.1))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(points: Vec<(f64, f64)>) -> Vec<Series> {
        vec![Series {
            name: "loss".into(),
            points,
        }]
    }

    #[test]
    fn a_chart_has_a_curve_and_text_that_is_text() {
        let svg = line_chart(&series(
            (0..50).map(|x| (x as f64, 1.0 / (x + 1) as f64)).collect(),
        ));
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        assert!(
            svg.contains("<polyline") && svg.contains(colour(0)),
            "{svg}"
        );
        assert!(svg.contains("<text") && svg.contains("</text>"));
        assert!(!svg.contains("<image") && !svg.contains("http://") || svg.contains("w3.org"));
    }

    #[test]
    fn odd_data_draws_or_is_left_out() {
        assert_eq!(line_chart(&[]), "");
        assert_eq!(line_chart(&series(vec![(1.0, f64::NAN)])), "");
        for points in [
            vec![(1.0, 2.0)],
            vec![(1.0, 2.0), (2.0, 2.0)],
            vec![(1.0, 0.0), (1.0, 1e300)],
        ] {
            assert!(line_chart(&series(points)).starts_with("<svg"));
        }
    }

    #[test]
    fn long_curves_are_thinned() {
        let long: Vec<_> = (0..100_000).map(|x| (x as f64, 1.0)).collect();
        let thinned = thin(&long);
        assert!(thinned.len() <= POINTS);
        assert!(thinned.iter().all(|(_, y)| *y == 1.0));
    }
}
