//! What is printed: tables of figures, with ratios pair by pair.

use std::fmt;

use unicode_width::UnicodeWidthStr;

/// A table, for a terminal or as Markdown.
pub struct Table {
    title: String,
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(title: impl Into<String>, heads: impl IntoIterator<Item = impl Into<String>>) -> Table {
        let heads = heads.into_iter().map(Into::into).collect();
        Table { title: title.into(), heads, rows: Vec::new() }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub fn print(&self, markdown: bool) {
        println!("{}\n", self.title);
        if markdown {
            println!("| {} |", self.heads.join(" | "));
            println!("|{}", "---|".repeat(self.heads.len()));
            for row in &self.rows {
                println!("| {} |", row.join(" | "));
            }
        } else {
            let all = || std::iter::once(&self.heads).chain(&self.rows);
            let widths: Vec<usize> = (0..self.heads.len())
                .map(|column| all().map(|row| row[column].width()).max().unwrap_or_default())
                .collect();
            for row in all() {
                let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
                    let space = " ".repeat(width - cell.width());
                    if column == 0 { format!("{cell}{space}") } else { format!("{space}{cell}") }
                });
                println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
            }
        }
        println!();
    }
}

/// The same figure of several rounds.
#[derive(Clone, Debug, Default)]
pub struct Rounds(Vec<f64>);

impl Rounds {
    pub const fn new() -> Rounds {
        Rounds(Vec::new())
    }

    pub fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// These to those, pair by pair.
    pub fn to(&self, those: &Rounds) -> Rounds {
        Rounds(self.0.iter().zip(&those.0).map(|(this, that)| this / that).collect())
    }
}

/// As a ratio: the median, and the least and the most.
impl fmt::Display for Rounds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let least = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        write!(formatter, "{:.2} ({least:.2} to {most:.2})", self.median())
    }
}
