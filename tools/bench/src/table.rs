//! The short table at the end.

use std::path::Path;

use super::report::Report;

#[expect(clippy::print_stdout, reason = "it is what was asked for")]
pub(crate) fn print(report: &Report, json: &Path, page: &Path) {
    println!("{}", report.circumstances());
    for measured in &report.scenarios {
        println!("\n{} ({}): {}", measured.name, measured.load, measured.what);
        for row in &measured.rows {
            let ratio = row
                .ratio
                .map_or(String::new(), |ratio| format!("{:8.3}  ({:.3} to {:.3})", ratio.median, ratio.min, ratio.max));
            println!("  {:<22}{:>10.0} {:<10}{ratio}", row.name, row.median, measured.unit);
        }
        for (name, figure) in &measured.notes {
            println!("  {name:<44} {figure}");
        }
    }
    println!("\nreport: {}\nfigures: {}", page.display(), json.display());
}
