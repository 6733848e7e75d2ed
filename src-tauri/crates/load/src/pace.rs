//! Waking up in time. Tokio's timers step by a millisecond, which is too coarse for a schedule.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer for one moment after the other.
#[derive(Debug)]
pub(crate) enum Pace {
    /// Tokio's own, which tests can wind.
    Coarse(Pin<Box<Sleep>>),
    /// The kernel's, to the microsecond.
    #[cfg(target_os = "linux")]
    Fine(fine::Timer),
}

impl Pace {
    /// The timer of Tokio.
    pub(crate) fn coarse() -> Self {
        Self::Coarse(Box::pin(sleep_until(Instant::now())))
    }

    /// The best timer there is.
    pub(crate) fn fine() -> Self {
        #[cfg(target_os = "linux")]
        if let Ok(timer) = fine::Timer::new() {
            return Self::Fine(timer);
        }
        Self::coarse()
    }

    /// Ready once `at` has come.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>, at: Instant) -> Poll<()> {
        match self {
            Self::Coarse(sleep) => {
                if sleep.deadline() != at {
                    sleep.as_mut().reset(at);
                }
                sleep.as_mut().poll(context)
            }
            #[cfg(target_os = "linux")]
            Self::Fine(timer) => timer.poll(context, at),
        }
    }
}

#[cfg(target_os = "linux")]
mod fine {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::task::{Context, Poll, ready};

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;
    use tokio::time::Instant;

    /// A timer of the kernel as a file that becomes readable.
    #[derive(Debug)]
    pub(crate) struct Timer {
        file: AsyncFd<OwnedFd>,
        armed: Option<Instant>,
    }

    impl Timer {
        pub(super) fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let file = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            #[expect(
                deprecated,
                reason = "its successor is unsafe; what that asks holds: the file is owned and stays"
            )]
            let file = AsyncFd::with_interest(file, Interest::READABLE)?;
            Ok(Self { file, armed: None })
        }

        pub(super) fn poll(&mut self, context: &mut Context<'_>, at: Instant) -> Poll<()> {
            loop {
                let now = Instant::now();
                if at <= now {
                    return Poll::Ready(());
                }
                if self.armed != Some(at) {
                    let left = at - now;
                    let value = Timespec {
                        tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                        tv_nsec: left.subsec_nanos().max(1).into(),
                    };
                    let once =
                        Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
                    // Setting also takes back what had run out before.
                    if timerfd_settime(self.file.get_ref(), TimerfdTimerFlags::empty(), &once).is_err() {
                        return Poll::Ready(());
                    }
                    self.armed = Some(at);
                }
                match ready!(self.file.poll_read_ready(context)) {
                    Ok(mut guard) => {
                        guard.clear_ready();
                        // Run out, and perhaps early by a clock's grain: look again, and arm again if so.
                        self.armed = None;
                    }
                    Err(_) => return Poll::Ready(()),
                }
            }
        }
    }
}
