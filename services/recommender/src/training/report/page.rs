//! The report as one page that needs nothing else.

use std::fmt::Write as _;

use paramedic_domain::model::{ModelManifest, ScoreSummary};

use super::{COST_BINS, COST_RANGE, TrainingReport, plot::Plot};

/// The page.
pub fn page(manifest: &ModelManifest, report: &TrainingReport) -> String {
    let audit = &manifest.audit;
    // A version is a folder's name: letters, digits, `-`, `_`, `.`; still, nothing is written unescaped.
    let version = escaped(&manifest.version);
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Model {version}</title>\n<style>\
         body{{font:15px/1.5 sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#222}}\
         figure{{display:inline-block;width:30rem;max-width:100%;margin:0 1rem 1.5rem 0;vertical-align:top}}\
         figcaption{{color:#555}}table{{border-collapse:collapse}}td,th{{padding:.2rem .8rem .2rem 0;text-align:left}}\
         </style></head><body>\n<h1>Model {version}</h1>\n<p>Trained on {} {} records{}, seed {}; audited on {} records \
         that it was not trained on.</p>\n",
        manifest.record_count,
        escaped(&manifest.source),
        manifest.trained_at.map_or_else(String::new, |at| format!(", {at}")),
        manifest.seed,
        audit.records,
    );
    html.push_str("<table><tr><th>Check</th><th></th></tr>\n");
    for (check, passed) in &audit.checks {
        let told = if *passed { "passed" } else { "FAILED" };
        // Writing to a String cannot fail.
        let _ = writeln!(html, "<tr><td>{}</td><td>{told}</td></tr>", escaped(check));
    }
    html.push_str("</table>\n");
    comparison(&mut html, report);
    for (svg, caption) in [
        (
            calibration(report),
            "Calibration: predicted against observed failures; the larger the dot, the more records.",
        ),
        (roc(report), "ROC: failures found against false alarms."),
        (cost(report), "Cost: natural logarithm of predicted over real; 0 is right, 0.69 is twice."),
        (monotonicity(report), "Monotonicity: mean failure probability as memory grows, by the side that had failed."),
        (losses(report), "Loss by pass; the pass with the least validation loss was kept."),
    ] {
        let _ = writeln!(html, "<figure>{svg}<figcaption>{caption}</figcaption></figure>");
    }
    html.push_str("</body></html>\n");
    html
}

fn comparison(html: &mut String, report: &TrainingReport) {
    let Some(compared) = &report.champion else { return };
    let _ = writeln!(
        html,
        "<h2>Beside the champion {}</h2>\n<table><tr><th></th><th>log loss</th><th>AUC</th>\
         <th>calibration error</th><th>median cost error</th></tr>",
        escaped(&compared.version)
    );
    for (name, summary) in [
        ("last records", compared.recent),
        ("last records, champion", compared.champion_recent),
        ("reference set", compared.reference),
        ("reference set, champion", compared.champion_reference),
    ] {
        let ScoreSummary { log_loss, auc, calibration_error, cost_error_median, .. } = summary;
        let _ = writeln!(
            html,
            "<tr><td>{name}</td><td>{log_loss:.4}</td><td>{auc:.4}</td><td>{calibration_error:.4}</td>\
             <td>{cost_error_median:.4}</td></tr>"
        );
    }
    html.push_str("</table>\n");
}

fn calibration(report: &TrainingReport) -> String {
    let mut plot = Plot::new((0.0, 1.0), (0.0, 1.0), "predicted", "observed");
    plot.reference((0.0, 0.0), (1.0, 1.0));
    plot.line(report.calibration.iter().map(|bin| (bin.predicted, bin.observed)), None);
    let most = report.calibration.iter().map(|bin| bin.records).max().unwrap_or(1).max(1) as f64;
    for bin in &report.calibration {
        plot.dot(bin.predicted, bin.observed, 2.0 + 6.0 * (bin.records as f64 / most).sqrt());
    }
    plot.svg("calibration curve")
}

fn roc(report: &TrainingReport) -> String {
    let mut plot = Plot::new((0.0, 1.0), (0.0, 1.0), "false positive rate", "true positive rate");
    plot.reference((0.0, 0.0), (1.0, 1.0));
    plot.line(report.roc.iter().map(|point| (point.false_positive_rate, point.true_positive_rate)), None);
    plot.svg("ROC curve")
}

fn cost(report: &TrainingReport) -> String {
    let most = report.cost_error.counts.iter().max().copied().unwrap_or(1) as f64;
    let mut plot = Plot::new((-COST_RANGE, COST_RANGE), (0.0, most), "ln(predicted / real)", "records");
    let width = 2.0 * COST_RANGE / COST_BINS as f64;
    for (index, count) in report.cost_error.counts.iter().enumerate() {
        let from = -COST_RANGE + index as f64 * width;
        plot.bar(from, from + width, *count as f64);
    }
    plot.svg("cost error")
}

fn monotonicity(report: &TrainingReport) -> String {
    let last = report.monotonicity.iter().flat_map(|curve| &curve.points).map(|point| point.0).fold(1.0, f64::max);
    let mut plot = Plot::new((0.0, last), (0.0, 1.0), "octaves of memory more", "failure probability");
    for curve in &report.monotonicity {
        plot.line(curve.points.iter().copied(), Some(&curve.side));
    }
    plot.svg("monotonicity")
}

fn losses(report: &TrainingReport) -> String {
    let most = report.losses.iter().map(|loss| loss.training.max(loss.validation)).fold(0.0, f64::max);
    let mut plot = Plot::new((1.0, (report.losses.len() as f64).max(2.0)), (0.0, most), "pass", "loss");
    plot.line(report.losses.iter().enumerate().map(|(at, loss)| (at as f64 + 1.0, loss.training)), Some("training"));
    plot.line(
        report.losses.iter().enumerate().map(|(at, loss)| (at as f64 + 1.0, loss.validation)),
        Some("validation"),
    );
    plot.svg("loss by pass")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
