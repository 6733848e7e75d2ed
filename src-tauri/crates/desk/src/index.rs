//! The index of the archive: a cache of what lists, filters and trends ask, so that ten thousand checks open at once. The
//! folders are the truth; the index is made again from them whenever it is missing, old or damaged, and where it cannot be
//! written it lives in memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use holdpoint_check::verdict::Word;
use holdpoint_check::words::ChaosMode;
use rusqlite::types::Value;
use rusqlite::{Connection, Result, params, params_from_iter};

use crate::facts::Facts;
use crate::view::{CheckSummary, ChecksPage, ChecksQuery, TrendsQuery, VerdictFilter};

/// Its name in the folder of checks.
pub(crate) const INDEX_FILE: &str = ".index.sqlite";
/// A row has changed its meaning when this has: older ones are made again.
const FORMAT: i64 = 2;
/// Another Holdpoint writes for some milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);
const SCHEMA: &str = "
    CREATE TABLE checks (
        number INTEGER PRIMARY KEY, folder TEXT NOT NULL, stamp INTEGER NOT NULL, started_at TEXT NOT NULL,
        environment TEXT NOT NULL, word TEXT NOT NULL, simulated INTEGER NOT NULL, ours INTEGER NOT NULL,
        scope TEXT NOT NULL, version TEXT, text TEXT NOT NULL, summary TEXT NOT NULL, facts TEXT NOT NULL
    );
    CREATE INDEX by_environment ON checks (environment, number);
";

/// A check's folder as it is now: its number, where it is, and how long what it was made from is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) number: u32,
    pub(crate) folder: PathBuf,
    pub(crate) stamp: u64,
}

/// What is held of a check.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) summary: CheckSummary,
    pub(crate) facts: Facts,
    /// Whether it stays so while the folder does; else it is asked again each time.
    pub(crate) lasting: bool,
}

/// The stamp of what is asked again each time. No file is as long.
const PASSING: u64 = u64::MAX;

/// The index.
#[derive(Debug)]
pub(crate) struct Index {
    connection: Connection,
    /// What it holds, by number: the name of the folder and its stamp.
    known: BTreeMap<u32, (String, u64)>,
}

impl Index {
    /// Opens the index of a folder, or makes it anew; in memory where that cannot be done.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(INDEX_FILE);
        Self::at(&path).or_else(|error| {
            tracing::info!(%error, "the index of the archive is made anew");
            Self::remove(folder);
            Self::at(&path).or_else(|_| Self::in_memory())
        })
    }

    pub(crate) fn in_memory() -> Result<Self> {
        Self::of(Connection::open_in_memory()?)
    }

    /// Removes the file of an index that cannot be used.
    pub(crate) fn remove(folder: &Path) {
        for name in [INDEX_FILE.to_owned(), format!("{INDEX_FILE}-journal")] {
            // What cannot be removed is not used either: the index is in memory then.
            let _ = std::fs::remove_file(folder.join(name));
        }
    }

    fn at(path: &Path) -> Result<Self> {
        Self::of(Connection::open(path)?)
    }

    fn of(connection: Connection) -> Result<Self> {
        connection.busy_timeout(PATIENCE)?;
        // It can be made again at any time, so nothing waits for the disk.
        connection.pragma_update(None, "synchronous", "OFF")?;
        let format: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if format != FORMAT {
            connection.execute_batch(&format!(
                "BEGIN; DROP TABLE IF EXISTS checks; {SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;"
            ))?;
        }
        let known = {
            let mut rows = connection.prepare("SELECT number, folder, stamp FROM checks")?;
            let rows = rows.query_map([], |row| {
                let stamp: i64 = row.get(2)?;
                Ok((row.get(0)?, (row.get(1)?, u64::try_from(stamp).unwrap_or(PASSING))))
            })?;
            rows.collect::<Result<_>>()?
        };
        Ok(Self { connection, known })
    }

    /// Makes the index hold exactly these checks. `make` answers with the row of a check that is new or has changed.
    pub(crate) fn sync(&mut self, places: &[Place], make: impl Fn(&Place) -> Row) -> Result<()> {
        let name =
            |place: &Place| place.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let changed: Vec<&Place> = places
            .iter()
            .filter(|place| {
                self.known
                    .get(&place.number)
                    .is_none_or(|(folder, stamp)| *stamp != place.stamp || *folder != name(place))
            })
            .collect();
        let gone: Vec<u32> = if places.len() == self.known.len() && changed.is_empty() {
            Vec::new()
        } else {
            let there: std::collections::BTreeSet<u32> = places.iter().map(|place| place.number).collect();
            self.known.keys().filter(|number| !there.contains(*number)).copied().collect()
        };
        if changed.is_empty() && gone.is_empty() {
            return Ok(());
        }
        let all = self.connection.transaction()?;
        for number in &gone {
            all.execute("DELETE FROM checks WHERE number = ?", [number])?;
        }
        let mut held = Vec::new();
        for place in changed {
            let Row { summary, facts, lasting } = make(place);
            let (Ok(row), Ok(remembered)) = (serde_json::to_string(&summary), serde_json::to_string(&facts))
            else {
                continue;
            };
            all.prepare_cached(
                "INSERT OR REPLACE INTO checks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            )?
            .execute(params![
                place.number,
                name(place),
                i64::try_from(if lasting { place.stamp } else { PASSING }).unwrap_or(-1),
                summary.started_at,
                summary.environment,
                word(summary.word),
                summary.chaos == ChaosMode::Simulated,
                summary.origin != crate::view::Origin::Foreign,
                summary.scope,
                summary.api_version,
                searched(&summary),
                row,
                remembered,
            ])?;
            held.push((place.number, (name(place), if lasting { place.stamp } else { PASSING })));
        }
        all.commit()?;
        for number in gone {
            self.known.remove(&number);
        }
        self.known.extend(held);
        Ok(())
    }

    /// A page of checks, newest first.
    pub(crate) fn list(&self, query: &ChecksQuery) -> Result<ChecksPage> {
        let mut filter = Filter::default();
        match query.verdict {
            None => {}
            Some(VerdictFilter::Go) => filter.add("word = 'go' AND simulated = 0", None),
            Some(VerdictFilter::NoGo) => filter.add("word = 'no_go'", None),
            Some(VerdictFilter::Simulated) => filter.add("simulated = 1", None),
            Some(VerdictFilter::NoVerdict) => filter.add("word = 'no_verdict'", None),
        }
        filter.equal("environment", query.environment.as_deref());
        if !query.text.is_empty() {
            let text = query.text.to_lowercase();
            filter.add("(CAST(number AS TEXT) = ?1 OR instr(text, ?1) > 0)", Some(text));
        }
        let total: u32 = self.connection.query_row("SELECT count(*) FROM checks", [], |row| row.get(0))?;
        let matching = if filter.is_empty() { total } else { self.count(&filter)? };
        let rows = self.rows("summary, ''", &filter, query.limit.min(200), query.offset)?;
        let checks = rows.iter().filter_map(|(summary, _)| serde_json::from_str(summary).ok()).collect();
        Ok(ChecksPage { total, matching, checks })
    }

    /// Checks of ours with what is remembered of them, newest first, and how many match in all.
    pub(crate) fn remembered(&self, query: &TrendsQuery) -> Result<(u32, Vec<(CheckSummary, Facts)>)> {
        let mut filter = Filter::default();
        filter.add("ours = 1", None);
        filter.equal("environment", query.environment.as_deref());
        filter.equal("version", query.version.as_deref());
        filter.equal("scope", query.suite.as_deref());
        let rows = self.rows("summary, facts", &filter, query.limit.min(200), 0)?;
        let read = rows
            .iter()
            .filter_map(|(summary, facts)| {
                Some((serde_json::from_str(summary).ok()?, serde_json::from_str(facts).ok()?))
            })
            .collect();
        Ok((self.count(&filter)?, read))
    }

    /// Everything that is remembered of an environment, newest first, a check at a time until `see` has enough.
    pub(crate) fn walk(
        &self,
        environment: &str,
        mut see: impl FnMut(CheckSummary, Facts) -> bool,
    ) -> Result<()> {
        let mut rows = self.connection.prepare_cached(
            "SELECT summary, facts FROM checks WHERE ours = 1 AND environment = ? ORDER BY number DESC",
        )?;
        let mut rows = rows.query([environment])?;
        while let Some(row) = rows.next()? {
            let (summary, facts): (String, String) = (row.get(0)?, row.get(1)?);
            if let (Ok(summary), Ok(facts)) = (serde_json::from_str(&summary), serde_json::from_str(&facts))
                && !see(summary, facts)
            {
                break;
            }
        }
        Ok(())
    }

    /// Number, start, environment and word of every check, newest first.
    pub(crate) fn ages(&self) -> Result<Vec<(u32, String, String, String)>> {
        let mut rows = self.connection.prepare_cached(
            "SELECT number, started_at, environment, word FROM checks ORDER BY number DESC",
        )?;
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        rows.collect()
    }

    /// The values of a column in checks of ours, the newest first.
    pub(crate) fn values(&self, column: &'static str, environment: Option<&str>) -> Result<Vec<String>> {
        let mut filter = Filter::default();
        filter.add("ours = 1", None);
        filter.equal("environment", environment);
        let sql = format!(
            "SELECT {column} FROM checks WHERE {} AND {column} IS NOT NULL GROUP BY {column} ORDER BY max(number) DESC LIMIT 200",
            filter.sql()
        );
        let mut rows = self.connection.prepare(&sql)?;
        let rows = rows.query_map(params_from_iter(filter.values.iter()), |row| row.get(0))?;
        rows.collect()
    }

    fn count(&self, filter: &Filter) -> Result<u32> {
        let sql = format!("SELECT count(*) FROM checks WHERE {}", filter.sql());
        self.connection.query_row(&sql, params_from_iter(filter.values.iter()), |row| row.get(0))
    }

    fn rows(&self, columns: &str, filter: &Filter, limit: u32, offset: u32) -> Result<Vec<(String, String)>> {
        let sql = format!(
            "SELECT {columns} FROM checks WHERE {} ORDER BY number DESC LIMIT {limit} OFFSET {offset}",
            filter.sql()
        );
        let mut rows = self.connection.prepare_cached(&sql)?;
        let rows =
            rows.query_map(params_from_iter(filter.values.iter()), |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    }
}

/// Conditions with their values; `?1` in a condition is its own value.
#[derive(Default)]
struct Filter {
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Filter {
    fn add(&mut self, condition: &str, value: Option<String>) {
        let place = format!("?{}", self.values.len() + 1);
        self.conditions.push(condition.replace("?1", &place));
        self.values.extend(value.map(Value::Text));
    }

    fn equal(&mut self, column: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(&format!("{column} = ?1"), Some(value.to_owned()));
        }
    }

    fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    fn sql(&self) -> String {
        if self.is_empty() { "1".into() } else { self.conditions.join(" AND ") }
    }
}

fn word(word: Word) -> &'static str {
    match word {
        Word::Go => "go",
        Word::NoGo => "no_go",
        Word::NoVerdict => "no_verdict",
    }
}

/// What a search looks in, in small letters.
fn searched(check: &CheckSummary) -> String {
    let mut words = vec![check.environment.as_str(), check.headline.as_str()];
    words.extend(check.drill.as_deref());
    words.extend(check.findings.iter().map(String::as_str));
    // A line break keeps words of two texts apart: a search is one line.
    words.join("\n").to_lowercase()
}
