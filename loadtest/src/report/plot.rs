//! A plot as SVG, in itself complete. Pure.

use std::fmt::Write as _;

/// Size of a plot, in CSS pixels, and the margins of its axes.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 56.0;
const BOTTOM: f64 = 34.0;
const TOP: f64 = 12.0;
const RIGHT: f64 = 12.0;

/// Colours that are told apart by people who see few of them.
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"];

/// One line of a plot.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its name in the legend.
    pub name: String,
    /// Which colour: what belongs together has the same one in all plots.
    pub colour: usize,
    /// Whether it is dashed.
    pub dashed: bool,
    /// Its points.
    pub points: Vec<(f64, f64)>,
}

impl Line {
    fn colour(&self) -> &'static str {
        COLOURS[self.colour % COLOURS.len()]
    }
}

/// What an axis is like.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What it shows, with its unit.
    pub title: String,
    /// Whether equal steps are equal factors.
    pub logarithmic: bool,
    /// Marks of its own, each a place and a word, instead of numbers.
    pub marks: Vec<(f64, String)>,
}

impl Axis {
    /// An ordinary one.
    #[must_use]
    pub fn linear(title: &str) -> Self {
        Self { title: title.to_owned(), logarithmic: false, marks: Vec::new() }
    }

    /// One for times that lie far apart.
    #[must_use]
    pub fn logarithmic(title: &str) -> Self {
        Self { logarithmic: true, ..Self::linear(title) }
    }

    fn place(&self, value: f64) -> f64 {
        if self.logarithmic { value.max(1e-3).log10() } else { value }
    }

    /// From where to where it goes, in places.
    fn range(&self, values: impl Iterator<Item = f64>) -> (f64, f64) {
        let places = values.map(|value| self.place(value));
        let (low, high) = places.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), p| (l.min(p), h.max(p)));
        if !low.is_finite() {
            return (0.0, 1.0);
        }
        let low = if self.logarithmic { low.floor() } else { low.min(0.0) };
        let high = if self.logarithmic { high.ceil() } else { high * 1.05 };
        (low, if high > low { high } else { low + 1.0 })
    }

    fn ticks(&self, (low, high): (f64, f64)) -> Vec<(f64, String)> {
        if !self.marks.is_empty() {
            return self.marks.clone();
        }
        let step = if self.logarithmic { 1.0 } else { step(high - low) };
        let first = (low / step).ceil();
        let places = (0..20).map(|n| (first + f64::from(n)) * step).take_while(|place| *place <= high + step * 1e-9);
        places.map(|place| (place, number(if self.logarithmic { 10_f64.powf(place) } else { place }))).collect()
    }
}

/// A round step that makes about five of a range.
fn step(range: f64) -> f64 {
    let rough = range / 5.0;
    let power = 10_f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|n| n * power).find(|s| *s >= rough * 0.999).unwrap_or(rough)
}

fn number(value: f64) -> String {
    let digits = if value.abs() >= 10.0 || value == 0.0 { 0 } else { 3 };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Text that cannot be taken for markup.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Draws lines.
#[must_use]
pub fn plot(x: &Axis, y: &Axis, lines: &[Line]) -> String {
    let all = || lines.iter().flat_map(|line| &line.points).copied();
    let (across, up) = (x.range(all().map(|p| p.0)), y.range(all().map(|p| p.1)));
    let share = |place: f64, (low, high): (f64, f64)| (place - low) / (high - low);
    let at_x = |place: f64| LEFT + share(place, across) * (WIDTH - LEFT - RIGHT);
    let at_y = |place: f64| HEIGHT - BOTTOM - share(place, up) * (HEIGHT - BOTTOM - TOP);
    let mut out =
        format!(r#"<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{}">"#, escaped(&y.title));
    for (place, word) in y.ticks(up) {
        let at = at_y(place);
        let _ = write!(out, r#"<line class="grid" x1="{LEFT}" x2="{:.0}" y1="{at:.1}" y2="{at:.1}"/>"#, WIDTH - RIGHT);
        let _ = write!(out, r#"<text x="{:.0}" y="{:.1}" text-anchor="end">{word}</text>"#, LEFT - 6.0, at + 4.0);
    }
    for (place, word) in x.ticks(across) {
        let at = at_x(place);
        let _ =
            write!(out, r#"<text x="{at:.1}" y="{:.0}" text-anchor="middle">{word}</text>"#, HEIGHT - BOTTOM + 14.0);
    }
    for line in lines {
        let points = line.points.iter().map(|(px, py)| format!("{:.1},{:.1}", at_x(x.place(*px)), at_y(y.place(*py))));
        let points: Vec<String> = points.collect();
        let (colour, dash) = (line.colour(), if line.dashed { r#" stroke-dasharray="5 3""# } else { "" });
        let _ = write!(
            out,
            r#"<polyline fill="none" stroke="{colour}" stroke-width="1.6"{dash} points="{}"/>"#,
            points.join(" ")
        );
    }
    let (middle, low) = (f64::midpoint(LEFT, WIDTH - RIGHT), HEIGHT - 4.0);
    let _ =
        write!(out, r#"<text x="{middle:.0}" y="{low:.0}" text-anchor="middle">{}</text></svg>"#, escaped(&x.title));
    let _ = write!(out, "<figcaption><b>{}</b>", escaped(&y.title));
    for line in lines {
        let (colour, mark) = (line.colour(), if line.dashed { "╌" } else { "━" });
        let _ = write!(out, r#" <span style="color:{colour}">{mark}</span> {}"#, escaped(&line.name));
    }
    out.push_str("</figcaption></figure>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        let words = |axis: &Axis, range| axis.ticks(range).into_iter().map(|(_, word)| word).collect::<Vec<_>>();
        assert_eq!(words(&Axis::linear("s"), (0.0, 10.5)), ["0", "5", "10"]);
        assert_eq!(words(&Axis::linear("s"), (0.0, 1.0)), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(words(&Axis::logarithmic("ms"), (-1.0, 2.0)), ["0.1", "1", "10", "100"]);
    }

    #[test]
    fn a_plot_of_nothing_and_of_odd_names_is_sound() {
        let axis = Axis::linear("a < b");
        assert!(plot(&axis, &axis, &[]).contains("a &lt; b"));
        let line = Line { name: "x & y".to_owned(), colour: 7, dashed: true, points: vec![(0.0, 0.0), (1.0, 0.0)] };
        let svg = plot(&axis, &axis, &[line]);
        assert!(svg.contains("x &amp; y") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
