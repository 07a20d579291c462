//! The live screen. The terminal is given back on every way out: `ratatui` restores it at the end and on a panic.

use std::{
    collections::{BTreeMap, VecDeque},
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc,
    },
    task::Poll,
    time::{Duration, Instant},
};

use paramedic_hostagent::{Snapshot, snapshot::WorkloadReport};
use paramedic_service::shutdown_signal;
use ratatui::{
    DefaultTerminal, Frame,
    crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers},
    layout::{Constraint, Layout},
    style::{Color, Modifier, Style},
    symbols,
    text::Line,
    widgets::{Axis, Block, Chart, Dataset, GraphType, Paragraph, Row, Table, TableState},
};

use super::{Origin, table};
use crate::exit::CommandError;

/// Periods of the graph.
const HISTORY_MAX: usize = 120;
/// How soon a signal to stop is seen.
const SIGNAL_POLL: Duration = Duration::from_millis(200);

/// What rows are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Wait,
    P99,
    Memory,
    Name,
}

struct Screen {
    snapshot: Snapshot,
    sort: Sort,
    selected: usize,
    /// p99 by workload, in seconds, the newest last.
    history: BTreeMap<String, VecDeque<f64>>,
}

/// Shows until `q`, Escape or Ctrl-C.
pub(super) fn run(origin: &mut Origin, period: Duration) -> Result<(), CommandError> {
    let first = origin.after(Duration::from_secs(1))?;
    let mut screen = Screen { snapshot: first, sort: Sort::Wait, selected: 0, history: BTreeMap::new() };
    screen.remember();
    let stopped = watch_signals();
    let mut terminal = ratatui::try_init().map_err(anyhow::Error::from)?;
    let result = screen.run(&mut terminal, origin, period, &stopped);
    ratatui::restore();
    result
}

/// Becomes true on SIGTERM or SIGINT: the loop then ends, and the terminal is given back. Signals are watched on return: one
/// that came before would end the program as it stands, with the terminal as the screen has it.
fn watch_signals() -> Arc<AtomicBool> {
    let stopped = Arc::new(AtomicBool::new(false));
    let seen = stopped.clone();
    let (watching, watched) = mpsc::channel();
    std::thread::spawn(move || {
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
            runtime.block_on(async {
                let mut asked = pin!(shutdown_signal());
                // Polling it once is what takes the signals over.
                let came = poll_fn(|context| Poll::Ready(asked.as_mut().poll(context).is_ready())).await;
                // Nobody waits any more where the program ends already.
                let _ = watching.send(());
                if !came {
                    asked.await;
                }
            });
            seen.store(true, Relaxed);
        }
    });
    // An error says that there is no runtime, and so no watching.
    let _ = watched.recv();
    stopped
}

impl Screen {
    fn run(
        &mut self,
        terminal: &mut DefaultTerminal,
        origin: &mut Origin,
        period: Duration,
        stopped: &AtomicBool,
    ) -> Result<(), CommandError> {
        let mut looked = Instant::now();
        loop {
            terminal.draw(|frame| self.draw(frame)).map_err(anyhow::Error::from)?;
            let rest = period.saturating_sub(looked.elapsed());
            let has_event = event::poll(rest.min(SIGNAL_POLL)).map_err(anyhow::Error::from)?;
            if stopped.load(Relaxed) {
                return Ok(());
            }
            if has_event {
                let event = event::read().map_err(anyhow::Error::from)?;
                if self.handle(&event) {
                    return Ok(());
                }
            } else if looked.elapsed() >= period {
                self.snapshot = origin.look()?;
                looked = Instant::now();
                self.remember();
            }
        }
    }

    /// True when it was asked to end.
    fn handle(&mut self, event: &Event) -> bool {
        let Event::Key(key) = event else { return false };
        if key.kind == KeyEventKind::Release {
            return false;
        }
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return true,
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return true,
            KeyCode::Char('w') => self.sort = Sort::Wait,
            KeyCode::Char('p') => self.sort = Sort::P99,
            KeyCode::Char('m') => self.sort = Sort::Memory,
            KeyCode::Char('n') => self.sort = Sort::Name,
            KeyCode::Up => self.selected = self.selected.saturating_sub(1),
            KeyCode::Down => self.selected += 1,
            _ => {}
        }
        false
    }

    fn remember(&mut self) {
        let seen: BTreeMap<_, _> = self.snapshot.workloads.iter().map(|workload| (&workload.name, workload)).collect();
        self.history.retain(|name, _| seen.contains_key(name));
        for (name, workload) in seen {
            let history = self.history.entry(name.clone()).or_default();
            history.push_back(workload.run_queue.p99_s.unwrap_or(0.0));
            if history.len() > HISTORY_MAX {
                history.pop_front();
            }
        }
    }

    fn rows(&self) -> Vec<&WorkloadReport> {
        let mut rows: Vec<_> = table::shown(&self.snapshot).collect();
        rows.sort_by(|a, b| {
            let (x, y) = (&a.run_queue, &b.run_queue);
            match self.sort {
                Sort::Wait => y.waited_s.total_cmp(&x.waited_s),
                Sort::P99 => y.p99_s.unwrap_or(0.0).total_cmp(&x.p99_s.unwrap_or(0.0)),
                Sort::Memory => b.memory.rss_bytes.cmp(&a.memory.rss_bytes),
                Sort::Name => a.name.cmp(&b.name),
            }
        });
        rows
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        let programs = table::programs(&self.snapshot);
        let [top, graph, below] = Layout::vertical([
            Constraint::Min(6),
            Constraint::Length(9),
            Constraint::Length(programs.len() as u16 + 2),
        ])
        .areas(frame.area());
        let rows = self.rows();
        let selected = self.selected.min(rows.len().saturating_sub(1));
        let mut state = TableState::default().with_selected(Some(selected));
        frame.render_stateful_widget(self.table(&rows), top, &mut state);
        if let Some(workload) = rows.get(selected) {
            self.draw_graph(frame, graph, &workload.name);
        }
        let mut lines: Vec<Line<'_>> = programs.into_iter().map(Line::from).collect();
        lines.push(Line::from(table::agent(&self.snapshot)));
        lines.push(Line::from("w wait  p p99  m memory  n name  up/down select  q quit").style(Color::DarkGray));
        frame.render_widget(Paragraph::new(lines), below);
    }

    fn table(&self, rows: &[&WorkloadReport]) -> Table<'static> {
        let period_s = self.snapshot.period_s;
        let colored = |workload: &&WorkloadReport| {
            let style = match workload.verdict.name() {
                "noisy_neighbour" => Style::new().fg(Color::Red),
                "throttled" => Style::new().fg(Color::Magenta),
                "busy" | "waiting" => Style::new().fg(Color::Yellow),
                _ => Style::new(),
            };
            Row::new(table::row(workload, period_s)).style(style)
        };
        let widths = [
            Constraint::Min(24),
            Constraint::Length(8),
            Constraint::Length(8),
            Constraint::Length(8),
            Constraint::Length(9),
            Constraint::Length(24),
            Constraint::Length(14),
            Constraint::Length(7),
            Constraint::Length(16),
        ];
        Table::new(rows.iter().map(colored), widths)
            .header(Row::new(table::HEADERS).style(Modifier::BOLD))
            .row_highlight_style(Modifier::REVERSED)
            .block(Block::bordered().title(format!("{} at {}", self.snapshot.host, self.snapshot.at)))
    }

    fn draw_graph(&self, frame: &mut Frame<'_>, area: ratatui::layout::Rect, name: &str) {
        let history = self.history.get(name).cloned().unwrap_or_default();
        let points: Vec<(f64, f64)> = history.iter().enumerate().map(|(at, p99)| (at as f64, p99 * 1e3)).collect();
        let most = points.iter().map(|(_, p99)| *p99).fold(1.0, f64::max);
        let line = Dataset::default()
            .marker(symbols::Marker::Braille)
            .graph_type(GraphType::Line)
            .style(Color::Cyan)
            .data(&points);
        let chart = Chart::new(vec![line])
            .block(Block::bordered().title(format!("p99 of {name}, ms")))
            .x_axis(Axis::default().bounds([0.0, (HISTORY_MAX - 1) as f64]))
            .y_axis(Axis::default().bounds([0.0, most]).labels(["0".to_owned(), format!("{most:.1}")]));
        frame.render_widget(chart, area);
    }
}
