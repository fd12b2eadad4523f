//! Lines over steps as an SVG.

use std::fmt::Write;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
/// Ticks of an axis are at most about so many.
const TICKS: f64 = 8.0;

/// A line of the plot.
pub struct Line<'a> {
    pub name: &'a str,
    /// As CSS.
    pub colour: &'a str,
    /// In pixels: of lines that lie on each other the wider comes first.
    pub width: f64,
    pub dashed: bool,
    pub points: Vec<(f64, f64)>,
}

/// The lines, axes with the labels `across` and `up`, and a legend, in black on white.
pub fn svg(across: &str, up: &str, lines: &[Line<'_>]) -> String {
    let all = || lines.iter().flat_map(|line| &line.points);
    let x = Axis::over(all().map(|point| point.0), 56.0, WIDTH - 24.0);
    let y = Axis::over(all().map(|point| point.1), HEIGHT - 48.0, 32.0);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let mut put = |piece: String| writeln!(text, "{piece}").expect("a string takes all");
    let straight = |from: (f64, f64), to: (f64, f64), style: &str| {
        format!(
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" {style}/>",
            from.0, from.1, to.0, to.1
        )
    };
    let words = |x: f64, y: f64, anchor: &str, words: &str| {
        format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>")
    };
    for tick in x.ticks() {
        let at = x.at(tick);
        put(straight(
            (at, y.from),
            (at, y.from + 5.0),
            "stroke=\"black\"",
        ));
        put(words(at, y.from + 19.0, "middle", &x.label(tick)));
    }
    for tick in y.ticks() {
        let at = y.at(tick);
        put(straight((x.from, at), (x.to, at), "stroke=\"#dddddd\""));
        put(words(x.from - 7.0, at + 4.5, "end", &y.label(tick)));
    }
    put(straight(
        (x.from, y.from),
        (x.to, y.from),
        "stroke=\"black\"",
    ));
    put(straight(
        (x.from, y.from),
        (x.from, y.to),
        "stroke=\"black\"",
    ));
    put(words(
        (x.from + x.to) / 2.0,
        HEIGHT - 10.0,
        "middle",
        across,
    ));
    put(words(8.0, y.to - 14.0, "start", up));
    for (index, line) in lines.iter().enumerate() {
        let dashes = if line.dashed {
            " stroke-dasharray=\"6 4\""
        } else {
            ""
        };
        let style = format!(
            "stroke=\"{}\" stroke-width=\"{}\"{dashes}",
            line.colour, line.width
        );
        let points: Vec<String> = line
            .points
            .iter()
            .map(|point| format!("{:.1},{:.1}", x.at(point.0), y.at(point.1)))
            .collect();
        let points = points.join(" ");
        put(format!(
            "<polyline points=\"{points}\" fill=\"none\" {style}/>"
        ));
        // The legend is where a falling curve is not.
        let (left, at) = (x.to - 170.0, y.to + 14.0 + 20.0 * index as f64);
        put(straight((left, at), (left + 28.0, at), &style));
        put(words(left + 36.0, at + 4.5, "start", line.name));
    }
    text + "</svg>\n"
}

/// Values from `low` to `high`, both of them ticks, on pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Axis {
    low: f64,
    high: f64,
    /// Between two ticks.
    step: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// Widened to whole ticks, which are apart by 1, 2 or 5 times a power of ten.
    fn over(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let values = values.filter(|value| value.is_finite());
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        // One value, or none.
        let (low, high) = match low < high {
            true => (low, high),
            false if low.is_finite() => (low - 0.5, low + 0.5),
            false => (0.0, 1.0),
        };
        let least = (high - low) / TICKS;
        let power = 10f64.powf(least.log10().floor());
        let steps = [1.0, 2.0, 5.0].map(|step| step * power);
        let fits = steps.into_iter().find(|step| *step >= least);
        let step = fits.unwrap_or(10.0 * power);
        Self {
            low: (low / step).floor() * step,
            high: (high / step).ceil() * step,
            step,
            from,
            to,
        }
    }

    /// The pixel of a value.
    fn at(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let (low, step) = (self.low, self.step);
        let count = ((self.high - low) / step).round() as u32;
        (0..=count).map(move |index| low + f64::from(index) * step)
    }

    /// With the digits that tell ticks apart.
    fn label(&self, tick: f64) -> String {
        let digits = (-self.step.log10().floor()).max(0.0) as usize;
        format!("{tick:.digits$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[f64], labels: &[&str]) {
        let axis = Axis::over(values.iter().copied(), 0.0, 100.0);
        let found: Vec<String> = axis.ticks().map(|tick| axis.label(tick)).collect();
        assert_eq!(found, labels);
        assert_eq!((axis.at(axis.low), axis.at(axis.high)), (0.0, 100.0));
    }

    #[test]
    fn ticks_are_round_and_hold_all_values() {
        check(&[0.0, 2000.0], &["0", "500", "1000", "1500", "2000"]);
        check(
            &[9.04, 6.13, 6.77],
            &["6.0", "6.5", "7.0", "7.5", "8.0", "8.5", "9.0", "9.5"],
        );
        check(
            &[0.01, 0.08],
            &[
                "0.01", "0.02", "0.03", "0.04", "0.05", "0.06", "0.07", "0.08",
            ],
        );
        check(&[3.0], &["2.4", "2.6", "2.8", "3.0", "3.2", "3.4", "3.6"]);
        assert!(Axis::over([f64::NAN].into_iter(), 0.0, 1.0).low.is_finite());
    }

    #[test]
    fn an_axis_may_run_upwards() {
        let axis = Axis::over([0.0, 8.0].into_iter(), 300.0, 100.0);
        assert_eq!(axis.at(2.0), 250.0);
    }

    #[test]
    fn a_plot_has_each_line_and_its_name() {
        let line = |name, dashed| Line {
            name,
            colour: "#1F8AD6",
            width: 2.0,
            dashed,
            points: vec![(0.0, 9.0), (500.0, 6.0)],
        };
        let svg = svg("step", "loss", &[line("ours", false), line("guess", true)]);
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
        assert_eq!(svg.matches("<polyline").count(), 2);
        // The line and its sample in the legend.
        assert_eq!(svg.matches("stroke-dasharray").count(), 2);
        for words in [">ours<", ">guess<", ">step<", ">loss<", ">500<", ">6.0<"] {
            assert!(svg.contains(words), "{words}: {svg}");
        }
    }
}
