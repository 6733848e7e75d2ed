//! A saved check, opened.

use holdpoint_check::event::{BucketPart, PreflightRow, SignOff};
use holdpoint_check::verdict::Verdict;
use holdpoint_check::words::{Service, TestId};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Problem;
use super::checks::{CheckSummary, TestState};
use super::live::{EventLine, FaultState};

/// A saved check with everything a page shows of it.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct Report {
    /// As lists show it.
    pub summary: CheckSummary,
    /// The verdict; none for a file of another program.
    pub verdict: Option<Verdict>,
    /// What a file of another program claims, and what it proves.
    pub foreign: Option<ForeignReport>,
    /// What people decided, in order.
    pub sign_offs: Vec<SignOff>,
    /// SHA-256 of the journal; none for a file of another program, and for results without their journal.
    pub journal_sha256: Option<String>,
    /// Whether the files of the check are what they were; none where there is no manifest.
    pub integrity: Option<Integrity>,
    /// Where it ran: title and value, such as `API` and its address.
    pub target: Vec<(String, String)>,
    /// The preflight's rows.
    pub preflight: Vec<PreflightRow>,
    /// The planned tests.
    pub tests: Vec<TestReport>,
    /// Restarts with what they took now and before.
    pub recoveries: Vec<Recovery>,
    /// Evidence packs.
    pub packs: Vec<PackRow>,
    /// Bucket isolation, part by part.
    pub bucket: Vec<BucketPart>,
    /// The whole check on one clock.
    pub timeline: Option<Chart>,
    /// How this computer kept time, in words.
    pub fitness: String,
    /// What was left behind.
    pub left: Vec<String>,
    /// What was removed.
    pub removed: Vec<String>,
    /// The digest of the plan: same digest, same plan.
    pub plan_digest: String,
    /// Where its files are; empty for nothing on the disk.
    pub folder: String,
}

/// What a file of another program claims, and what it proves.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct ForeignReport {
    /// Which program wrote it.
    pub runner: String,
    /// Its own status; a claim.
    pub claims: String,
    /// Its tests.
    pub tests: Table,
    /// What it says of evidence and bucket.
    pub evidence: Vec<String>,
    /// Why there is no verdict of ours.
    pub why_no_verdict: String,
}

/// One test of a saved check.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct TestReport {
    /// Which.
    pub id: TestId,
    /// The runbook's title.
    pub title: String,
    /// Its shortest title.
    pub short_title: String,
    /// How it ended.
    pub state: TestState,
    /// One line: `P95 1712 ms of 5000`.
    pub summary: String,
    /// How long it took.
    pub elapsed_ms: Option<u64>,
    /// Key figures.
    pub figures: Vec<Figure>,
    /// Charts.
    pub charts: Vec<Chart>,
    /// Tables.
    pub tables: Vec<Table>,
    /// Why it could not go on, where it could not.
    pub stopped: Option<String>,
}

/// A number with its unit and limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Figure {
    /// The number as text.
    pub value: String,
    /// Its unit; may be empty.
    pub unit: String,
    /// What it is: `corrupted, limit 0`.
    pub label: String,
    /// Whether it breaks its limit.
    pub bad: bool,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Table {
    /// Its title.
    pub title: String,
    /// A note beside the title; may be empty.
    pub note: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Cells by row, as many as columns.
    pub rows: Vec<Vec<String>>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Column {
    /// Its title.
    pub title: String,
    /// Whether it holds numbers, which stand right.
    pub numeric: bool,
    /// Whether it holds ids or code, in the mono face.
    pub mono: bool,
}

/// A chart, drawn.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct Chart {
    /// A stable id such as `L1-percentiles`, also the name of its file in an export.
    pub id: String,
    /// Its title.
    pub title: String,
    /// A note beside the title; may be empty.
    pub note: String,
    /// What it shows, as a sentence with the finding.
    pub alt: String,
    /// The drawing. Show it as an image, never as markup.
    pub svg: String,
    /// Its data.
    pub table: Table,
}

/// A restart and how long it took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct Recovery {
    /// Which service.
    pub service: Service,
    /// By which test.
    pub test: TestId,
    /// How it ended.
    pub state: FaultState,
    /// Seconds until it worked again.
    pub seconds: Option<f64>,
    /// The deadline in seconds.
    pub limit_s: u64,
    /// How it was proven and verified, or why not.
    pub how: String,
    /// The identity before and after, where it is proven.
    pub identity: Option<(String, String)>,
    /// Seconds of the last ten checks of this environment before this one, oldest first.
    pub earlier: Vec<f64>,
}

/// A saved check against its manifest and its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Integrity {
    /// The SHA-256 of the manifest.
    pub digest: String,
    /// What is not as it was, in words.
    pub differences: Vec<String>,
    /// What the signature says, in words; none where the check is not signed.
    pub signature: Option<String>,
    /// Whether the signature is of this computer's key and holds.
    pub signed: bool,
}

/// The key that signs checks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SigningKey {
    /// Its id; none where there is no key.
    pub id: Option<String>,
    /// Its public half as PEM.
    pub public: Option<String>,
    /// Why the keychain cannot be asked.
    pub problem: Option<Problem>,
}

/// An evidence pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PackRow {
    /// Of which run.
    pub run_id: String,
    /// The test that started the run.
    pub test: Option<TestId>,
    /// Whether the whole pack is intact.
    pub intact: bool,
    /// `valid`, `corrupt`, `absent`, …
    pub state: String,
    /// The five files.
    pub files: Vec<PackFile>,
    /// What is wrong, in words.
    pub problems: Vec<String>,
}

/// One file of an evidence pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PackFile {
    /// Its name.
    pub name: String,
    /// Whether it is intact.
    pub intact: bool,
    /// `valid`, `corrupt`, `absent`, …
    pub state: String,
    /// Records in it.
    pub records: Option<u64>,
    /// Its size.
    pub size_bytes: u64,
}

/// Which lines of the journal to show.
#[derive(Clone, Debug, Default, Serialize, Deserialize, TS)]
pub struct JournalQuery {
    /// The first of the matching lines.
    pub offset: u32,
    /// How many at most; 500 and more is cut.
    pub limit: u32,
    /// Only of this test.
    pub test: Option<TestId>,
    /// Only lines that contain this.
    pub text: String,
}

/// A line of the journal: in words, and as it stands in the file.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct JournalLine {
    /// In words; none for events that only machines read.
    pub line: Option<EventLine>,
    /// Its place.
    pub seq: u64,
    /// When, in milliseconds of the check.
    pub at_ms: u64,
    /// The name of the event.
    pub event: String,
    /// As it stands in the file, cut at 4,000 characters.
    pub raw: String,
}

/// Some lines of a journal.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct JournalPage {
    /// How many lines match.
    pub matching: u32,
    /// The lines.
    pub lines: Vec<JournalLine>,
}

/// What an export is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// A Markdown report with its charts beside it.
    Markdown,
    /// Its short form, for a chat or a pull request.
    MarkdownShort,
    /// One HTML file that needs nothing else, and opens again in Holdpoint.
    Html,
    /// The results file.
    Json,
    /// `JUnit` XML for CI systems.
    Junit,
    /// Requests second by second.
    Csv,
    /// The same as an `HdrHistogram` log.
    HdrLog,
    /// The whole check in one file.
    Bundle,
}

impl ExportFormat {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Markdown,
        Self::MarkdownShort,
        Self::Html,
        Self::Json,
        Self::Junit,
        Self::Csv,
        Self::HdrLog,
        Self::Bundle,
    ];

    /// The word used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::MarkdownShort => "markdown-short",
            Self::Html => "html",
            Self::Json => "json",
            Self::Junit => "junit",
            Self::Csv => "csv",
            Self::HdrLog => "hdr-log",
            Self::Bundle => "bundle",
        }
    }

    /// How the names of its files end.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Markdown => ".md",
            Self::MarkdownShort => "-short.md",
            Self::Html => ".html",
            Self::Json => ".json",
            Self::Junit => "-junit.xml",
            Self::Csv => "-intervals.csv",
            Self::HdrLog => ".hlog",
            Self::Bundle => ".holdpoint",
        }
    }
}
