//! Whether what is shown of foreign things is inert.

use holdpoint_foreign::text::is_inert;
use pulldown_cmark::{Event, Options, Parser, Tag};

/// Every way a reader may read Markdown.
fn read(markdown: &str) -> Parser<'_> {
    let extensions = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_GFM;
    Parser::new_ext(markdown, extensions | Options::ENABLE_FOOTNOTES | Options::ENABLE_TASKLISTS)
}

/// A report holds letters, our own headings and tables, and nothing that came with a foreign text.
pub(crate) fn markdown(markdown: &str) {
    assert!(markdown.chars().all(|letter| letter == '\n' || is_inert(letter)), "{markdown:?}");
    let mut headings = 0;
    for event in read(markdown) {
        match &event {
            Event::Html(_) | Event::InlineHtml(_) => panic!("{event:?} in {markdown}"),
            Event::Start(
                Tag::Link { .. } | Tag::Image { .. } | Tag::CodeBlock(_) | Tag::FootnoteDefinition(_),
            ) => {
                panic!("{event:?} in {markdown}")
            }
            Event::Start(Tag::Heading { level: pulldown_cmark::HeadingLevel::H1, .. }) => headings += 1,
            _ => {}
        }
    }
    assert_eq!(headings, 1, "a report has one headline: {markdown}");
    cells(markdown);
}

/// Every row of a table has as many cells as its head.
fn cells(markdown: &str) {
    let mut columns = None;
    for line in markdown.lines() {
        if !line.starts_with('|') {
            columns = None;
            continue;
        }
        let cells = line.replace("\\\\", "").replace("\\|", "").matches('|').count();
        assert_eq!(*columns.get_or_insert(cells), cells, "{line}");
    }
}

/// The text that a reader shows of a piece of Markdown.
pub(crate) fn rendered(markdown: &str) -> Vec<String> {
    let mut out = Vec::new();
    for event in read(markdown) {
        match event {
            Event::Text(text) => out.push(text.into_string()),
            Event::Start(
                Tag::Paragraph | Tag::Table(_) | Tag::TableHead | Tag::TableRow | Tag::TableCell,
            )
            | Event::End(_) => {}
            other => panic!("{other:?} in {markdown:?}"),
        }
    }
    out
}

/// Every text below a serialised thing is inert.
pub(crate) fn values(value: &impl serde::Serialize) {
    let text = serde_json::to_string(value).expect("it is a thing of ours");
    assert!(text.chars().all(is_inert), "{text:?}");
    for escape in ["\\u", "\\n", "\\r", "\\t", "\\b", "\\f"] {
        // A backslash of the text itself is written twice.
        assert!(!text.replace("\\\\", "").contains(escape), "{text}");
    }
}

/// A picture holds no script and no address.
pub(crate) fn picture(svg: &str) {
    assert!(svg.starts_with("<svg") && svg.chars().all(|letter| letter == '\n' || is_inert(letter)), "{svg}");
    for bad in ["<script", "<image", "<foreignObject", "href", "javascript:", "NaN", "onload"] {
        assert!(!svg.contains(bad), "{bad} in {svg}");
    }
}
