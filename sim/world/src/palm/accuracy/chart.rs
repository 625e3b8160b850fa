//! Line charts as self-contained SVG.

use core::fmt::Write as _;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 600.0;
const LEFT: f64 = 92.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 62.0;
const BOTTOM: f64 = 150.0;
const LEGEND_COLUMNS: usize = 2;
const LEGEND_LINE: f64 = 22.0;

/// How numbers become places.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// Equal steps.
    Linear,
    /// Equal ratios.
    Logarithmic,
}

/// One axis.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub(super) label: &'static str,
    pub(super) scale: Scale,
    pub(super) low: f64,
    pub(super) high: f64,
    /// Where numbers stand, and how they are written.
    pub(super) ticks: Vec<(f64, String)>,
}

/// One line of a chart.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) colour: &'static str,
    /// Lengths of dashes and gaps; empty for a full line.
    pub(super) dashes: &'static str,
    pub(super) points: Vec<(f64, f64)>,
    /// Points to be marked by a dot.
    pub(super) dots: Vec<(f64, f64)>,
    /// Whether the area below is tinted.
    pub(super) filled: bool,
}

/// A chart.
#[derive(Debug, Clone)]
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) subtitle: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) lines: Vec<Line>,
    /// An upright line with its words.
    pub(super) mark: Option<(f64, &'static str)>,
    /// What stands below the legend.
    pub(super) notes: Vec<String>,
}

impl Axis {
    /// Returns where a number lies, from 0 to 1 between the ends.
    fn share(&self, value: f64) -> f64 {
        let of = |value: f64| match self.scale {
            Scale::Linear => value,
            Scale::Logarithmic => value.max(f64::MIN_POSITIVE).log10(),
        };
        let share = (of(value) - of(self.low)) / (of(self.high) - of(self.low));
        share.clamp(0.0, 1.0)
    }
}

impl Chart {
    /// Draws the chart.
    pub(super) fn to_svg(&self) -> String {
        let mut svg = String::new();
        let height = self.height();
        put(
            &mut svg,
            format_args!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             width=\"{WIDTH}\" height=\"{height}\" role=\"img\" \
             font-family=\"system-ui, 'Segoe UI', Helvetica, Arial, sans-serif\" font-size=\"14\" \
             fill=\"#222\"><title>{}</title>",
                escaped(&self.title)
            ),
        );
        put(
            &mut svg,
            format_args!("<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>"),
        );
        put(
            &mut svg,
            format_args!(
                "<text x=\"{LEFT}\" y=\"28\" font-size=\"19\" font-weight=\"600\">{}</text>\
             <text x=\"{LEFT}\" y=\"49\" fill=\"#555\">{}</text>",
                escaped(&self.title),
                escaped(&self.subtitle)
            ),
        );
        self.draw_axes(&mut svg);
        for line in &self.lines {
            self.draw_line(&mut svg, line);
        }
        self.draw_legend(&mut svg);
        svg.push_str("</svg>\n");
        svg
    }

    fn height(&self) -> f64 {
        let rows = self.lines.len().div_ceil(LEGEND_COLUMNS) + self.notes.len();
        HEIGHT - BOTTOM + 76.0 + LEGEND_LINE * rows as f64
    }

    fn across(&self, x: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * self.x.share(x)
    }

    fn down(&self, y: f64) -> f64 {
        TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - self.y.share(y))
    }

    fn draw_axes(&self, svg: &mut String) {
        let (right, base) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for (value, text) in &self.x.ticks {
            let x = self.across(*value);
            put(
                svg,
                format_args!(
                    "<path d=\"M{x:.1} {TOP}V{base}\" stroke=\"#e3e3e3\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{text}</text>",
                    base + 21.0
                ),
            );
        }
        for (value, text) in &self.y.ticks {
            let y = self.down(*value);
            put(
                svg,
                format_args!(
                    "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#e3e3e3\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
                    LEFT - 9.0,
                    y + 5.0
                ),
            );
        }
        if let Some((value, words)) = self.mark {
            let x = self.across(value);
            put(
                svg,
                format_args!(
                    "<path d=\"M{x:.1} {TOP}V{base}\" stroke=\"#777\" stroke-dasharray=\"3 3\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" fill=\"#555\">{words}</text>",
                    x + 7.0,
                    TOP + 18.0
                ),
            );
        }
        put(
            svg,
            format_args!(
                "<path d=\"M{LEFT} {TOP}V{base}H{right}\" fill=\"none\" stroke=\"#222\"/>"
            ),
        );
        let (middle, height) = (f64::midpoint(LEFT, right), f64::midpoint(TOP, base));
        put(
            svg,
            format_args!(
                "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" font-size=\"15\">{}</text>\
             <text transform=\"translate(24 {height}) rotate(-90)\" text-anchor=\"middle\" \
             font-size=\"15\">{}</text>",
                base + 46.0,
                escaped(self.x.label),
                escaped(self.y.label)
            ),
        );
    }

    fn draw_line(&self, svg: &mut String, line: &Line) {
        let mut path = String::new();
        for (index, (x, y)) in line.points.iter().enumerate() {
            let command = if index == 0 { 'M' } else { 'L' };
            put(
                &mut path,
                format_args!("{command}{:.1} {:.1}", self.across(*x), self.down(*y)),
            );
        }
        if path.is_empty() {
            return;
        }
        let Line { colour, dashes, .. } = line;
        if line.filled {
            put(
                svg,
                format_args!("<path d=\"{path}Z\" fill=\"{colour}\" fill-opacity=\"0.16\"/>"),
            );
        }
        put(
            svg,
            format_args!(
                "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.2\" \
             stroke-linejoin=\"round\" stroke-dasharray=\"{dashes}\"/>"
            ),
        );
        for (x, y) in &line.dots {
            put(
                svg,
                format_args!(
                    "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\" fill=\"{colour}\" stroke=\"#fff\"/>",
                    self.across(*x),
                    self.down(*y)
                ),
            );
        }
    }

    fn draw_legend(&self, svg: &mut String) {
        let top = HEIGHT - BOTTOM + 76.0;
        let column = (WIDTH - LEFT - RIGHT) / LEGEND_COLUMNS as f64;
        for (index, line) in self.lines.iter().enumerate() {
            let x = LEFT + column * (index % LEGEND_COLUMNS) as f64;
            let y = top + LEGEND_LINE * (index / LEGEND_COLUMNS) as f64;
            let Line { colour, dashes, .. } = line;
            put(
                svg,
                format_args!(
                    "<path d=\"M{x} {y}h34\" stroke=\"{colour}\" stroke-width=\"2.6\" \
                 stroke-dasharray=\"{dashes}\"/><text x=\"{}\" y=\"{}\">{}</text>",
                    x + 42.0,
                    y + 5.0,
                    escaped(&line.name)
                ),
            );
        }
        let rows = self.lines.len().div_ceil(LEGEND_COLUMNS);
        for (index, note) in self.notes.iter().enumerate() {
            let y = top + LEGEND_LINE * (rows + index) as f64 + 5.0;
            put(
                svg,
                format_args!(
                    "<text x=\"{LEFT}\" y=\"{y}\" font-size=\"13\" fill=\"#555\">{}</text>",
                    escaped(note)
                ),
            );
        }
    }
}

fn put(text: &mut String, what: core::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(what);
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logarithmic_axis_gives_every_decade_the_same_room() {
        let axis = axis(Scale::Logarithmic, 1e-4, 1.0);

        assert!((axis.share(1e-2) - 0.5).abs() < 1e-12);
        assert_eq!([axis.share(0.0), axis.share(7.0)], [0.0, 1.0]);
    }

    #[test]
    fn text_cannot_break_the_picture() {
        let chart = Chart {
            title: "a < b & c".to_owned(),
            subtitle: String::new(),
            x: axis(Scale::Linear, 0.0, 1.0),
            y: axis(Scale::Linear, 0.0, 2.0),
            lines: vec![Line {
                name: "<script>".to_owned(),
                colour: "#000",
                dashes: "",
                points: vec![(0.0, 0.0), (0.5, 2.0), (1.0, 1.0)],
                dots: vec![(0.5, 2.0)],
                filled: true,
            }],
            mark: Some((0.5, "here")),
            notes: vec!["x > y".to_owned()],
        };

        let svg = chart.to_svg();

        assert!(
            svg.contains("a &lt; b &amp; c") && svg.contains("&lt;script&gt;"),
            "{svg}"
        );
        assert!(svg.contains("M92.0 450.0L481.0 62.0L870.0 256.0"), "{svg}");
        assert!(
            !svg.contains("<script>") && svg.ends_with("</svg>\n"),
            "{svg}"
        );
    }

    fn axis(scale: Scale, low: f64, high: f64) -> Axis {
        Axis {
            label: "x",
            scale,
            low,
            high,
            ticks: vec![(low, "low".to_owned())],
        }
    }
}
