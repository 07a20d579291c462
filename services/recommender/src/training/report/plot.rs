//! Plots as SVG, drawn without a library: axes, lines, bars.

use std::fmt::Write as _;

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 320.0;
/// Room for axes and labels: left, top, right, bottom.
const MARGIN: (f64, f64, f64, f64) = (56.0, 16.0, 16.0, 44.0);
/// Steps between the labels of an axis.
const TICKS: u32 = 5;
/// Colours that are told apart without red and green (P. Tol, bright).
const COLOURS: [&str; 8] = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb", "#000000"];

/// A plot in the making.
pub(super) struct Plot {
    x: (f64, f64),
    y: (f64, f64),
    body: String,
    labels: Vec<String>,
}

impl Plot {
    /// Empty axes from `x.0` to `x.1` and from `y.0` to `y.1`, named.
    pub(super) fn new(x: (f64, f64), y: (f64, f64), x_name: &str, y_name: &str) -> Self {
        let mut plot = Self { x, y: (y.0, y.1.max(y.0 + 1e-9)), body: String::new(), labels: Vec::new() };
        plot.axes(x_name, y_name);
        plot
    }

    fn axes(&mut self, x_name: &str, y_name: &str) {
        let (left, top, right, bottom) = (MARGIN.0, MARGIN.1, WIDTH - MARGIN.2, HEIGHT - MARGIN.3);
        // Writing to a String cannot fail.
        let _ = write!(
            self.body,
            "<path d=\"M{left} {top}V{bottom}H{right}\" fill=\"none\" stroke=\"#444\"/>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{x_name}</text>\
             <text transform=\"translate(14 {}) rotate(-90)\" text-anchor=\"middle\">{y_name}</text>",
            f64::midpoint(left, right),
            HEIGHT - 8.0,
            f64::midpoint(top, bottom),
        );
        for tick in 0..=TICKS {
            let share = f64::from(tick) / f64::from(TICKS);
            let (x, y) = (self.x.0 + share * (self.x.1 - self.x.0), self.y.0 + share * (self.y.1 - self.y.0));
            let (px, py) = self.place(x, y);
            let _ = write!(
                self.body,
                "<text x=\"{px:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                bottom + 16.0,
                number(x),
                left - 6.0,
                py + 4.0,
                number(y),
            );
        }
    }

    fn place(&self, x: f64, y: f64) -> (f64, f64) {
        let share = |value: f64, (low, high): (f64, f64)| ((value - low) / (high - low)).clamp(0.0, 1.0);
        let across = MARGIN.0 + share(x, self.x) * (WIDTH - MARGIN.0 - MARGIN.2);
        let down = HEIGHT - MARGIN.3 - share(y, self.y) * (HEIGHT - MARGIN.1 - MARGIN.3);
        (across, down)
    }

    /// A line through points; with a label where it has one.
    pub(super) fn line(&mut self, points: impl Iterator<Item = (f64, f64)>, label: Option<&str>) {
        let mut path = String::new();
        for (x, y) in points.filter(|(x, y)| x.is_finite() && y.is_finite()) {
            let (across, down) = self.place(x, y);
            let _ = write!(path, "{across:.1},{down:.1} ");
        }
        let colour = COLOURS.get(self.labels.len() % COLOURS.len()).unwrap_or(&"#000000");
        let _ = write!(
            self.body,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.trim_end()
        );
        self.labels.push(label.unwrap_or_default().to_owned());
    }

    /// A dashed line of reference.
    pub(super) fn reference(&mut self, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (self.place(from.0, from.1), self.place(to.0, to.1));
        let _ = write!(
            self.body,
            "<path d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\" stroke=\"#999\" stroke-dasharray=\"4 4\" fill=\"none\"/>"
        );
    }

    /// A dot.
    pub(super) fn dot(&mut self, x: f64, y: f64, radius: f64) {
        let (x, y) = self.place(x, y);
        let _ = write!(self.body, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"#4477aa\"/>");
    }

    /// A bar from `from` to `to` of this height.
    pub(super) fn bar(&mut self, from: f64, to: f64, height: f64) {
        let ((x1, y1), (x2, y2)) = (self.place(from, height), self.place(to, self.y.0));
        let (width, tall) = (x2 - x1, y2 - y1);
        let _ = write!(
            self.body,
            "<rect x=\"{x1:.1}\" y=\"{y1:.1}\" width=\"{width:.1}\" height=\"{tall:.1}\" fill=\"#4477aa\" stroke=\"#fff\"/>"
        );
    }

    /// The finished drawing.
    pub(super) fn svg(mut self, title: &str) -> String {
        for (index, label) in self.labels.iter().enumerate().filter(|(_, label)| !label.is_empty()) {
            let y = MARGIN.1 + 12.0 + index as f64 * 15.0;
            let colour = COLOURS.get(index % COLOURS.len()).unwrap_or(&"#000000");
            let x = WIDTH - MARGIN.2 - 4.0;
            let _ = write!(self.body, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"end\" fill=\"{colour}\">{label}</text>");
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             aria-label=\"{title}\" font-family=\"sans-serif\" font-size=\"11\">{}</svg>",
            self.body
        )
    }
}

fn number(value: f64) -> String {
    if value.abs() >= 1_000.0 { format!("{value:.0}") } else { format!("{}", (value * 100.0).round() / 100.0) }
}
