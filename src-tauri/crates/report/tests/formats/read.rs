//! Reports, read by libraries that know nothing of us.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use scraper::{ElementRef, Selector};

/// Rows of cells.
pub type Table = Vec<Vec<String>>;

/// Runs of spaces are one on a page.
pub fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a reader of Markdown shows.
pub struct Markdown {
    pub headline: String,
    tables: Vec<(Vec<String>, Table)>,
}

impl Markdown {
    pub fn read(text: &str) -> Self {
        let (mut headline, mut tables) = (String::new(), Vec::new());
        let (mut cell, mut row, mut head, mut rows) = (String::new(), Vec::new(), Vec::new(), Vec::new());
        let mut in_headline = false;
        for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_GFM) {
            match event {
                Event::Start(Tag::Heading { level: HeadingLevel::H1, .. }) => in_headline = true,
                Event::End(TagEnd::Heading(HeadingLevel::H1)) => in_headline = false,
                Event::Start(Tag::TableCell) => cell.clear(),
                Event::End(TagEnd::TableCell) => row.push(plain(&cell)),
                Event::End(TagEnd::TableHead) => head = std::mem::take(&mut row),
                Event::End(TagEnd::TableRow) => rows.push(std::mem::take(&mut row)),
                Event::End(TagEnd::Table) => {
                    tables.push((std::mem::take(&mut head), std::mem::take(&mut rows)))
                }
                Event::Text(text) if in_headline => headline.push_str(&text),
                Event::Text(text) => cell.push_str(&text),
                Event::Html(html) | Event::InlineHtml(html) => panic!("markup in a report: {html}"),
                _ => {}
            }
        }
        Self { headline, tables }
    }

    /// The table whose first two columns have these titles, `Test/Operation`; empty where there is none.
    pub fn table(&self, titles: &str) -> Table {
        let found = self.tables.iter().filter(|(head, _)| head[..2].join("/") == titles);
        found.flat_map(|(_, rows)| rows.clone()).collect()
    }
}

/// What a browser makes of a page.
pub struct Html {
    pub headline: String,
    /// Everything that would run, fetch or lead away.
    pub acting: Vec<String>,
    page: scraper::Html,
}

fn select<'a>(within: ElementRef<'a>, css: &str) -> Vec<ElementRef<'a>> {
    within.select(&Selector::parse(css).unwrap()).collect()
}

fn shown(element: ElementRef<'_>) -> String {
    plain(&element.text().collect::<String>())
}

impl Html {
    pub fn read(text: &str) -> Self {
        let page = scraper::Html::parse_document(text);
        // A letter that no page may hold is shown all the same.
        assert!(page.errors.is_empty() || text.contains('\u{fffe}'), "{:?}", page.errors);
        let root = page.root_element();
        let mut acting = Vec::new();
        for element in select(root, "*") {
            let value = element.value();
            let data = value.attr("type") == Some("application/json") && value.attr("src").is_none();
            let acts = match value.name() {
                "script" => !data,
                "iframe" | "object" | "embed" | "link" | "img" | "form" | "base" | "a" | "image" | "use" => {
                    true
                }
                "meta" => value.attr("http-equiv").is_some_and(|what| what.eq_ignore_ascii_case("refresh")),
                _ => false,
            };
            let leads = value.attrs().any(|(name, value)| {
                name.starts_with("on")
                    || ["href", "src", "srcset", "action", "background"].contains(&name)
                    || value.contains("url(")
            });
            if acts || leads {
                acting.push(element.html().chars().take(200).collect());
            }
        }
        assert_eq!(select(root, "script").len(), 1, "one script element, which holds data");
        let policy = select(root, "meta[http-equiv='Content-Security-Policy']")[0].value().attr("content");
        assert!(policy.unwrap().starts_with("default-src 'none'"));
        let style: String =
            select(root, "style").iter().map(|style| style.text().collect::<String>()).collect();
        assert!(!style.contains("url(") && !style.contains("@import"));
        let headline = shown(select(root, "h1")[0]);
        Self { headline, acting, page }
    }

    fn tables(&self, titles: &str) -> Vec<ElementRef<'_>> {
        let all =
            select(self.page.root_element(), "section > .wide > table, section > details > .wide > table");
        let of = |table: &ElementRef<'_>| {
            let head: Vec<String> = select(*table, "th").into_iter().map(shown).collect();
            head[..2].join("/") == titles
        };
        all.into_iter().filter(of).collect()
    }

    /// The rows of all tables whose first two columns have these titles.
    pub fn table(&self, titles: &str) -> Table {
        let rows = self.tables(titles).into_iter().flat_map(|table| select(table, "tbody tr"));
        rows.map(|row| select(row, "td").into_iter().map(shown).collect()).collect()
    }

    /// How many of their rows are seen without a click.
    pub fn open_rows(&self, titles: &str) -> usize {
        let open = self.tables(titles).into_iter().filter(|table| {
            let folds =
                table.ancestors().filter_map(ElementRef::wrap).filter(|one| one.value().name() == "details");
            folds.into_iter().all(|fold| fold.value().attr("open").is_some())
        });
        open.map(|table| select(table, "tbody tr").len()).sum()
    }

    /// How many things with this title are folded.
    pub fn folded(&self, title: &str) -> usize {
        select(self.page.root_element(), "details:not([open]) > summary")
            .into_iter()
            .filter(|summary| shown(*summary) == title)
            .count()
    }
}

/// Decodes without the library that encoded.
pub fn base64(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    let (mut bits, mut held) = (0_u32, 0);
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let value = LETTERS.iter().position(|one| *one == letter).expect("base64");
        bits = (bits << 6) | u32::try_from(value).unwrap();
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from((bits >> held) & 0xff).unwrap());
        }
    }
    out
}
