//! A screen, a bus, a keychain and the window on them; all end with the test.

use std::future::Future;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};

/// How long a page may take to show what it is asked for. A check of the rehearsal takes half a minute.
pub const PATIENCE: Duration = Duration::from_secs(150);

/// One test at a time: two windows on two cores would only slow each other's checks.
static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A desktop for one person.
pub struct Desktop {
    driver: String,
    _home: tempfile::TempDir,
    // Dropped in this order: the driver before the screen it shows windows on.
    _processes: Vec<Process>,
}

impl Desktop {
    /// A screen of 1280x800, a session bus and an unlocked keychain.
    pub async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let (display, screen) = screen();
        let (bus, bus_process) = bus(home.path());
        let mut keychain = Command::new("gnome-keyring-daemon")
            .args(["--foreground", "--unlock", "--components=secrets"])
            .env("DBUS_SESSION_BUS_ADDRESS", &bus)
            .env("HOME", home.path())
            .env("XDG_RUNTIME_DIR", home.path())
            .env("XDG_DATA_HOME", home.path().join("data"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        keychain.stdin.take().unwrap().write_all(b"a password of the test").unwrap();
        let port = free_port();
        let driver = Command::new("WebKitWebDriver")
            .arg(format!("--port={port}"))
            .env("DISPLAY", &display)
            .env("DBUS_SESSION_BUS_ADDRESS", &bus)
            .env("HOME", home.path())
            .env("XDG_RUNTIME_DIR", home.path())
            .env("HOLDPOINT_DATA_DIR", home.path().join("holdpoint"))
            .env("HOLDPOINT_CONFIG_DIR", home.path().join("config"))
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .env("LANG", "C.UTF-8")
            .env("NO_AT_BRIDGE", "1")
            .env("GDK_BACKEND", "x11")
            .env("WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS", "1")
            .env_remove("WAYLAND_DISPLAY")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let desktop = Self {
            driver: format!("http://127.0.0.1:{port}"),
            _home: home,
            _processes: vec![Process(driver), Process(keychain), bus_process, screen],
        };
        until("the driver listens", || async { std::net::TcpStream::connect(("127.0.0.1", port)).ok() })
            .await;
        desktop
    }

    /// Starts the application.
    pub async fn open(&self, arguments: &[&str]) -> Window {
        let capabilities = json!({
            "webkitgtk:browserOptions": {
                "binary": env!("CARGO_BIN_EXE_holdpoint-desktop"),
                "args": arguments,
            }
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("an object") };
        let page =
            ClientBuilder::rustls().unwrap().capabilities(capabilities).connect(&self.driver).await.unwrap();
        let window = Window { page };
        window.sees("main").await;
        window
    }
}

/// The running application.
pub struct Window {
    pub page: Client,
}

impl Window {
    /// Waits for an element, and answers with its text.
    pub async fn sees(&self, css: &str) -> String {
        until(&format!("{css} is there"), || async {
            self.page.find(Locator::Css(css)).await.ok()?.text().await.ok()
        })
        .await
    }

    /// Waits until an element's text contains some words.
    pub async fn reads(&self, css: &str, words: &str) -> String {
        let mut last = String::new();
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Ok(element) = self.page.find(Locator::Css(css)).await
                && let Ok(text) = element.text().await
            {
                if text.contains(words) {
                    return text;
                }
                last = text;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{css} never read {words:?}; at last it read {last:?}");
    }

    /// Presses the button (or link) with this name.
    pub async fn press(&self, name: &str) {
        let path = format!(
            "//*[self::button or self::a or @role='menuitem' or @role='tab' or @role='radio'][normalize-space(.)={name:?} or @aria-label={name:?} or starts-with(normalize-space(.), {name:?})]"
        );
        until(&format!("{name:?} can be pressed"), || async {
            self.page.find(Locator::XPath(&path)).await.ok()?.click().await.ok()
        })
        .await;
    }

    /// Ends the application.
    pub async fn close(self) {
        let _ = self.page.close().await;
    }
}

/// Runs one journey; a failure leaves a screenshot and the page's text.
pub async fn journey<F, Fut>(name: &str, arguments: &[&str], go: F)
where
    F: FnOnce(Desktop, Window) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    let _one = ONE.lock().await;
    let desktop = Desktop::new().await;
    let window = desktop.open(arguments).await;
    let page = window.page.clone();
    let outcome = tokio::spawn(go(desktop, window)).await;
    if let Err(error) = outcome {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/failures");
        let _ = std::fs::create_dir_all(&folder);
        if let Ok(png) = page.screenshot().await {
            let _ = std::fs::write(folder.join(format!("{name}.png")), png);
        }
        if let Ok(source) = page.source().await {
            let _ = std::fs::write(folder.join(format!("{name}.html")), source);
        }
        let _ = page.close().await;
        std::panic::resume_unwind(error.into_panic());
    }
}

/// Looks again and again, until there is something.
pub async fn until<T, Fut: Future<Output = Option<T>>>(what: &str, look: impl Fn() -> Fut) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < end, "never: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// A screen that nobody sees. The server picks a free number and says it on its standard output.
fn screen() -> (String, Process) {
    let mut child = Command::new("Xvfb")
        .args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (format!(":{}", line.trim()), Process(child))
}

fn bus(home: &Path) -> (String, Process) {
    let mut child = Command::new("dbus-daemon")
        .args(["--session", "--nofork", "--print-address=1"])
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", home)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (line.trim().to_owned(), Process(child))
}
