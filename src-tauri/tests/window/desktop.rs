//! A screen, a bus, a keychain and the window on them; all end with the test.

use std::future::Future;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder};
use serde_json::{Value, json};

/// How long a page may take to show what it is asked for. A check of the rehearsal takes half a minute.
pub const PATIENCE: Duration = Duration::from_secs(150);

/// Between two looks at a page that changes by itself.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// One test at a time: two windows on two cores would only slow each other's checks.
static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// What was built beside the program that runs.
pub fn built(name: &str) -> PathBuf {
    let here = std::env::current_exe().unwrap();
    here.ancestors().nth(2).unwrap().join(name)
}

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
    driver_id: u32,
    bus: String,
    pub home: tempfile::TempDir,
    // Dropped in this order: the driver before the screen it shows windows on.
    _processes: Vec<Process>,
}

impl Desktop {
    /// A screen of 1280x800, a session bus and an unlocked keychain.
    pub async fn new() -> Self {
        Self::with_text("1").await
    }

    /// The same for somebody whose system shows text so many times as large.
    pub async fn with_text(scale: &str) -> Self {
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
        let log = std::fs::File::create(home.path().join("window.log")).unwrap();
        let driver = Command::new("WebKitWebDriver")
            .arg(format!("--port={port}"))
            .env("DISPLAY", &display)
            .env("DBUS_SESSION_BUS_ADDRESS", &bus)
            .env("HOME", home.path())
            .env("XDG_RUNTIME_DIR", home.path())
            .env("HOLDPOINT_DATA_DIR", home.path().join("holdpoint"))
            .env("HOLDPOINT_CONFIG_DIR", home.path().join("config"))
            // The environment of Python that Locust runs in is made once for all tests.
            .env("HOLDPOINT_CACHE_DIR", built("../tmp/locust"))
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .env("LANG", "C.UTF-8")
            .env("NO_AT_BRIDGE", "1")
            .env("GDK_BACKEND", "x11")
            .env("GDK_DPI_SCALE", scale)
            .env("WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS", "1")
            .env_remove("WAYLAND_DISPLAY")
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let desktop = Self {
            driver: format!("http://127.0.0.1:{port}"),
            driver_id: driver.id(),
            bus,
            home,
            _processes: vec![Process(driver), Process(keychain), bus_process, screen],
        };
        until("the driver listens", || async { std::net::TcpStream::connect(("127.0.0.1", port)).ok() })
            .await;
        desktop
    }

    /// Starts the application.
    pub async fn open(&self, arguments: &[&str]) -> Window {
        let window = self.start(&built("holdpoint-desktop"), arguments).await;
        window.listen().await;
        until("the window shows a screen", || async {
            window.js("return !!document.querySelector('main h1')").await.as_bool().filter(|there| *there)
        })
        .await;
        window
    }

    /// Starts a program with one window, and answers as soon as its page can be asked.
    pub async fn start(&self, program: &Path, arguments: &[&str]) -> Window {
        let capabilities = json!({ "webkitgtk:browserOptions": { "binary": program, "args": arguments } });
        let Value::Object(capabilities) = capabilities else { unreachable!("an object") };
        let mut builder = ClientBuilder::rustls().unwrap();
        let connecting = builder.capabilities(capabilities).connect(&self.driver);
        // The driver waits for ever for a program that has ended.
        let Ok(page) = tokio::time::timeout(PATIENCE, connecting).await else {
            panic!("no window in {PATIENCE:?}")
        };
        let page = page.unwrap();
        Window { page, driver: self.driver_id }
    }

    /// One of the programs beside the application.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(built(name));
        command.env("HOME", self.home.path());
        command
    }

    /// The terminal's program, as this person on this desktop.
    pub fn terminal(&self) -> Command {
        let mut command = self.program("holdpoint");
        command
            .env("XDG_RUNTIME_DIR", self.home.path())
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus)
            .env("HOLDPOINT_DATA_DIR", self.home.path().join("holdpoint"))
            .env("HOLDPOINT_CONFIG_DIR", self.home.path().join("config"));
        command
    }

    /// Every file that the application has written so far, and what the window said on its error output.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.home.path().join("holdpoint"), self.home.path().join("config")];
        let mut files = vec![self.home.path().join("window.log")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() { folders.push(entry.path()) } else { files.push(entry.path()) }
            }
        }
        files
    }
}

/// The running application.
#[derive(Clone)]
pub struct Window {
    pub page: Client,
    /// The process that started the application.
    driver: u32,
}

impl Window {
    /// Runs a script in the page; `null` when the page is between two documents.
    pub async fn js(&self, script: &str) -> Value {
        self.page.execute(script, Vec::new()).await.unwrap_or_default()
    }

    /// Collects what goes wrong in the page from now on.
    pub async fn listen(&self) {
        self.js(
            "window.wrongs = [];
             addEventListener('error', event => wrongs.push(event.message));
             addEventListener('unhandledrejection', event => wrongs.push(String(event.reason?.message ?? event.reason)));
             addEventListener('securitypolicyviolation', event => wrongs.push('CSP ' + event.violatedDirective));",
        )
        .await;
    }

    /// What went wrong in the page: errors, promises nobody caught, refusals of the content security policy.
    pub async fn wrongs(&self) -> Value {
        self.js("return window.wrongs").await
    }

    /// What a person reads in an element.
    pub async fn text(&self, css: &str) -> String {
        let script = format!("return document.querySelector({})?.innerText", json!(css));
        self.js(&script).await.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an element's text contains some words, in whatever case the style shows them.
    pub async fn reads(&self, css: &str, words: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let text = self.text(css).await;
            if text.to_lowercase().contains(&words.to_lowercase()) {
                return text;
            }
            assert!(Instant::now() < end, "{css} never read {words:?}; at last it read {text:?}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Presses the visible button, link or choice whose name begins with this.
    pub async fn press(&self, name: &str) {
        // A dialog hides what lies beneath it.
        let script = format!(
            "const all = [...(document.querySelector('dialog[open]') ?? document).querySelectorAll(
                 'button, a, summary, label, input[type=checkbox], [role=menuitem], [role=tab], [role=radio]')];
             const found = all.find(one => one.checkVisibility() && one.getAttribute('aria-disabled') !== 'true' && !one.disabled
                 && [one.textContent, one.ariaLabel].some(text => (text ?? '').trim().startsWith({})));
             found?.scrollIntoView({{ block: 'center' }});
             return found;",
            json!(name)
        );
        until(&format!("{name:?} can be pressed"), || async {
            let found = self.page.execute(&script, Vec::new()).await.ok()?;
            let element: WebElement = serde_json::from_value(found).ok()?;
            Element::from_element_id(self.page.clone(), element.id.into()).click().await.ok()
        })
        .await;
    }

    /// Types keys where the focus is.
    pub async fn keys(&self, keys: &str) {
        let mut actions = KeyActions::new("keyboard".to_owned());
        for value in keys.chars() {
            actions = actions.then(KeyAction::Down { value }).then(KeyAction::Up { value });
        }
        self.page.perform_actions(actions).await.unwrap();
    }

    /// Goes to a place of the application.
    pub async fn go(&self, hash: &str) {
        self.js(&format!("location.hash = {}", json!(hash))).await;
    }

    /// Ends the application and waits until it is gone.
    pub async fn close(self) {
        let _ = self.page.close().await;
        // A second start while the first still ends would hand over to it and be gone as well.
        until("the application has ended", || async { (!has_children(self.driver)).then_some(()) }).await;
    }
}

/// Whether a process that this one started still runs.
fn has_children(parent: u32) -> bool {
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok()).any(|stat| {
        let mut fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
        let (state, of) = (fields.next(), fields.next().and_then(|id| id.parse::<u32>().ok()));
        of == Some(parent) && state != Some("Z")
    })
}

#[derive(serde::Deserialize)]
struct WebElement {
    #[serde(rename = "element-6066-11e4-a52e-4f735466cecf")]
    id: String,
}

/// Runs one journey. Nothing may have gone wrong in the page by its end; a failure leaves a screenshot, the page and what
/// the window said.
pub async fn journey<F, Fut>(name: &str, go: F)
where
    F: FnOnce(Arc<Desktop>, Window) -> Fut,
    Fut: Future<Output = Window> + Send + 'static,
{
    journey_on(name, Desktop::new, go).await;
}

/// The same on a desktop that is made for it.
pub async fn journey_on<F, Fut>(name: &str, desktop: impl AsyncFnOnce() -> Desktop, go: F)
where
    F: FnOnce(Arc<Desktop>, Window) -> Fut,
    Fut: Future<Output = Window> + Send + 'static,
{
    let _one = ONE.lock().await;
    let desktop = Arc::new(desktop().await);
    let window = desktop.open(&[]).await;
    let page = window.page.clone();
    let outcome = tokio::spawn(go(desktop.clone(), window)).await;
    let failed = match outcome {
        Ok(window) => {
            let wrongs = window.wrongs().await;
            if wrongs == json!([]) {
                window.close().await;
                return;
            }
            Err(wrongs)
        }
        Err(error) => Ok(error.into_panic()),
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/failures");
    let _ = std::fs::create_dir_all(&folder);
    if let Ok(png) = page.screenshot().await {
        let _ = std::fs::write(folder.join(format!("{name}.png")), png);
    }
    if let Ok(source) = page.source().await {
        let _ = std::fs::write(folder.join(format!("{name}.html")), source);
    }
    let _ = std::fs::copy(desktop.home.path().join("window.log"), folder.join(format!("{name}.log")));
    let _ = page.close().await;
    match failed {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(wrongs) => panic!("{name}: went wrong in the page: {wrongs}"),
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
        tokio::time::sleep(LOOK_AGAIN).await;
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
