//! A table as every report shows it: texts in cells, and how a row reads at a glance.

/// How something reads at a glance. Never alone: the word for it stands beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Nobody knows, or a person accepted it.
    Unsure,
    /// Nothing was restarted.
    Simulated,
    /// Neither.
    Plain,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its title.
    pub title: String,
    /// A note to it; may be empty.
    pub note: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, with as many cells as columns.
    pub rows: Vec<Row>,
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its title.
    pub title: &'static str,
    /// Whether it holds numbers, which stand right.
    pub numeric: bool,
    /// Whether it holds ids or code, in the mono face.
    pub mono: bool,
}

impl Column {
    /// A column of words.
    pub fn text(title: &'static str) -> Self {
        Self { title, numeric: false, mono: false }
    }

    /// A column of numbers.
    pub fn number(title: &'static str) -> Self {
        Self { title, numeric: true, mono: false }
    }

    /// A column of ids.
    pub fn mono(title: &'static str) -> Self {
        Self { title, numeric: false, mono: true }
    }
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its cells.
    pub cells: Vec<String>,
    /// How it reads at a glance.
    pub mark: Mark,
}

impl From<Vec<String>> for Row {
    fn from(cells: Vec<String>) -> Self {
        Self { cells, mark: Mark::Plain }
    }
}
