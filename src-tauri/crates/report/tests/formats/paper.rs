//! HTML on paper, printed by Chromium and read back from the PDF.

use std::path::Path;
use std::process::Command;

use holdpoint_report::html;

use crate::samples::{Sample, all};

/// Prints a page without network.
fn print(page: &Path, to: &Path, profile: &Path) {
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-pdf-header-footer",
        ])
        // No name is found and no address is reached: what is not in the file is not on the paper.
        .args(["--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:9"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("--print-to-pdf={}", to.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("chromium; `cargo xtask test` installs it");
    assert!(to.exists(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn text_of(pdf: &Path) -> String {
    let output = Command::new("pdftotext")
        .arg("-raw")
        .arg(pdf)
        .arg("-")
        .output()
        .expect("pdftotext; `cargo xtask test` installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Words alone: lines break where the paper ends, and long ones within a word.
fn letters(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).collect()
}

#[test]
fn everything_is_on_the_paper_and_no_script_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    // Where somebody wants to look at the pages, they stay.
    let keep = std::env::var_os("HOLDPOINT_KEEP_PAPER").map(std::path::PathBuf::from);
    let out = keep.as_deref().unwrap_or(folder.path());
    for Sample { name, results, verdict } in all() {
        if !["healthy", "no-go", "simulated", "hostile"].contains(&name.as_str()) {
            continue;
        }
        let page = out.join(format!("{name}.html"));
        let pdf = out.join(format!("{name}.pdf"));
        std::fs::write(&page, html::render(&results, &verdict)).unwrap();
        print(&page, &pdf, &folder.path().join("profile"));
        let text = text_of(&pdf);
        let all_letters = letters(&text);
        assert!(all_letters.contains(&letters(&verdict.headline)), "{name}: {text}");
        for finding in &verdict.findings {
            assert!(all_letters.contains(&letters(&finding.title)), "{name}: {}", finding.title);
            // Folded on the screen, there on paper.
            for witness in &finding.witness {
                assert!(all_letters.contains(&letters(&witness.id)), "{name}: {}", witness.id);
            }
        }
        if verdict.chaos == holdpoint_check::words::ChaosMode::Simulated {
            assert!(text.contains("Nothing was restarted"), "{name}: {text}");
        }
        if let Some(digest) = &results.journal_sha256 {
            assert!(all_letters.contains(digest.as_str()), "{name}: {digest}");
        }
        assert!(!text.contains("holdpoint-results"), "{name}: the data is not for reading");
    }
}
