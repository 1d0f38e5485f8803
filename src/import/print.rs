//! Prints what became of an imported page, in colour on a terminal.

use console::{Style, style};

use crate::import::{
    page::{
        Page,
        report::{self, Tone},
    },
    submit::Outcome,
};

/// Prints the report of a page, and what it became on the server.
pub fn report(page: &Page, outcome: &Outcome) {
    for line in report::lines(page) {
        println!("{}", tone(line.tone).apply_to(line.text));
    }
    println!("{}", style("On the server").bold());
    println!("  {}", outcome.page);
    for story in &outcome.stories {
        println!("  {}  {}", story.article, story.headline);
        for photo in &story.photos {
            println!("    {photo}");
        }
    }
    for difference in &outcome.differences {
        println!("  {}", style(format!("left as it was: {difference}")).yellow());
    }
    match outcome.created {
        0 => println!("Nothing was created: everything was there already."),
        count => println!("{count} resources were created, all of them drafts."),
    }
}

fn tone(tone: Tone) -> Style {
    match tone {
        Tone::Heading => Style::new().bold(),
        Tone::Plain => Style::new(),
        Tone::Faint => Style::new().dim(),
        Tone::Check => Style::new().cyan(),
        Tone::Warning => Style::new().yellow(),
        Tone::LeftOver => Style::new().red(),
    }
}
