//! What the command line asks for.

const HELP: &str = "\
Matches 500 rules over a Spark-like log, in several ways.

  --megabytes N   length of the log (default 200)
  --rounds N      rounds, of which the best counts (default 3)
  --only TEXT     only contestants with this in their name
";

/// What the command line asks for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) megabytes: usize,
    pub(crate) rounds: usize,
    pub(crate) only: String,
    /// Only loads the rules that standard input brings; for the benchmark itself.
    pub(crate) measure_load: bool,
}

impl Options {
    /// `None`: the help was printed.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut options = Self { megabytes: 200, rounds: 3, only: String::new(), measure_load: false };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--megabytes" => options.megabytes = number(arguments.next()),
                "--rounds" => options.rounds = number(arguments.next()),
                "--only" => options.only = arguments.next().unwrap_or_default(),
                "--measure-load" => options.measure_load = true,
                // Cargo adds it.
                "--bench" => {}
                _ => {
                    print!("{HELP}");
                    return None;
                }
            }
        }
        Some(options)
    }
}

fn number(text: Option<String>) -> usize {
    text.and_then(|text| text.parse().ok()).filter(|number| *number > 0).expect("a number above 0")
}
