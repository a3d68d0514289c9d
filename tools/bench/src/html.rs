//! The report as one page that needs nothing from outside: text, tables, and plots as SVG inside.

use std::fmt::Write;

use anyhow::{Result, anyhow};
use plotters::prelude::{
    ChartBuilder, Color, EmptyElement, IntoDrawingArea, RGBColor, Rectangle, SVGBackend, Text, WHITE,
};

use super::report::{Measured, Report, Row};

const STYLE: &str =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.2rem .8rem;text-align:right;border-bottom:1px solid #ddd}
td:first-child,th:first-child{text-align:left}p.what{color:#555}svg{max-width:100%;height:auto}";

const WIDTH: u32 = 900;
const BAR: i32 = 34;
const LEFT: i32 = 130;
const RIGHT: i32 = 230;
const COLOUR: RGBColor = RGBColor(52, 110, 170);

/// The whole page.
pub(crate) fn page(report: &Report) -> Result<String> {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>aside, measured</title><style>{STYLE}</style>
<h1>aside, measured</h1><p>{}</p>\n",
        escaped(&report.circumstances())
    );
    for measured in &report.scenarios {
        let Measured { name, what, load, unit, rows, notes } = measured;
        writeln!(page, "<h2>{}</h2><p class=\"what\">{} ({load}, {unit})</p>", escaped(name), escaped(what))?;
        if !rows.is_empty() {
            page += &bars(measured)?;
            page += "<table><tr><th></th><th>median</th><th>ratio</th><th>from</th><th>to</th><th>rounds</th></tr>\n";
            for row in rows {
                let rounds: Vec<String> = row.rounds.iter().map(|figure| format!("{figure:.0}")).collect();
                let ratio = row.ratio.map_or(String::new(), |ratio| {
                    format!("{:.3}</td><td>{:.3}</td><td>{:.3}", ratio.median, ratio.min, ratio.max)
                });
                let (name, median, rounds) = (escaped(&row.name), row.median, rounds.join(" "));
                writeln!(page, "<tr><td>{name}</td><td>{median:.0}</td><td>{ratio}</td><td>{rounds}</td></tr>")?;
            }
            page += "</table>\n";
        }
        if !notes.is_empty() {
            page += "<table>";
            for (name, figure) in notes {
                writeln!(page, "<tr><td>{}</td><td>{}</td></tr>", escaped(name), escaped(figure))?;
            }
            page += "</table>\n";
        }
    }
    Ok(page)
}

/// The rows of a scenario as bars.
pub(crate) fn bars(measured: &Measured) -> Result<String> {
    let rows = i32::try_from(measured.rows.len())?;
    let height = BAR * rows + 10;
    let most = measured.rows.iter().map(|row| row.median).fold(f64::MIN_POSITIVE, f64::max);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, u32::try_from(height)?)).into_drawing_area();
        area.fill(&WHITE).map_err(|error| anyhow!("{error}"))?;
        let mut chart = ChartBuilder::on(&area)
            .margin_left(LEFT)
            .margin_right(RIGHT)
            .build_cartesian_2d(0.0..most, 0..rows * BAR)
            .map_err(|error| anyhow!("{error}"))?;
        for (number, row) in (0_i32..).zip(&measured.rows) {
            let top = (rows - number) * BAR - 4;
            let bar = Rectangle::new([(0.0, top), (row.median, top - BAR + 10)], COLOUR.filled());
            let label = EmptyElement::at((0.0, top)) + Text::new(row.name.clone(), (-LEFT + 8, 6), ("sans-serif", 16));
            let figure =
                EmptyElement::at((row.median, top)) + Text::new(figure(row, measured.unit), (8, 6), ("sans-serif", 15));
            chart.draw_series([bar]).map_err(|error| anyhow!("{error}"))?;
            chart.draw_series([label]).map_err(|error| anyhow!("{error}"))?;
            chart.draw_series([figure]).map_err(|error| anyhow!("{error}"))?;
        }
        area.present().map_err(|error| anyhow!("{error}"))?;
    }
    Ok(svg)
}

fn figure(row: &Row, unit: &str) -> String {
    let ratio = row.ratio.map_or(String::new(), |ratio| format!("  {:.3}", ratio.median));
    format!("{:.0} {unit}{ratio}", row.median)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
