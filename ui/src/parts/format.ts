/**
 * Numbers and times as people read them. The page speaks English, and so do the reports; the same number must look the same
 * in both, so nothing here asks the system's locale (which can be "C", and then `Intl` throws). Only the time zone is the
 * system's. A number and its unit do not break.
 */
const NB = '\u00a0';
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const two = (value: number): string => String(value).padStart(2, '0');

/** `1734 ms`; one digit behind the point below ten. */
export function ms(value: number): string {
  if (!Number.isFinite(value)) return `unknown${NB}ms`;
  const shown = Math.abs(value) < 10 ? Math.round(value * 10) / 10 : Math.round(value);
  return `${shown}${NB}ms`;
}

/** `0.4 s`, `26 s`, `5 min 42 s`, `1 h 2 min`. */
export function duration(value: number): string {
  if (!Number.isFinite(value)) return 'unknown';
  const clean = Math.max(0, value);
  if (clean < 950) return clean === 0 ? `0${NB}s` : `${Math.max(0.1, Math.round(clean / 100) / 10)}${NB}s`;
  const seconds = Math.round(clean / 1000);
  if (seconds < 60) return `${seconds}${NB}s`;
  const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
  if (minutes < 60) return rest === 0 ? `${minutes}${NB}min` : `${minutes}${NB}min ${rest}${NB}s`;
  const hours = Math.floor(minutes / 60);
  return minutes % 60 === 0 ? `${hours}${NB}h` : `${hours}${NB}h ${minutes % 60}${NB}min`;
}

/** About how long: rounded to 5 s above one minute, so that an estimate does not look measured. */
export function about(value: number): string {
  const step = value >= 600_000 ? 60_000 : value >= 60_000 ? 5_000 : 1_000;
  return duration(Math.max(step, Math.round(value / step) * step));
}

/** Milliseconds of a check on its clock: `3:06`, `1:02:03`. */
export function clock(value: number): string {
  const seconds = Math.max(0, Math.floor(value / 1000));
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** `812 B`, `41.2 MB`. */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let shown = value;
  let unit = 0;
  while (shown >= 1000 && unit < units.length - 1) {
    shown /= 1000;
    unit += 1;
  }
  const text = unit === 0 || shown >= 100 ? String(Math.round(shown)) : String(Math.round(shown * 10) / 10);
  return `${text}${NB}${units[unit] ?? 'B'}`;
}

/** `1740 ms (n = 60)` with what stands in the brackets on one line. */
export function whole(text: string): string {
  return text.replace(/\(n = /g, `(n${NB}=${NB}`);
}

/** `5,000`. */
export function count(value: number): string {
  if (!Number.isFinite(value)) return 'unknown';
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** `1 test`, `3 tests`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)}${NB}${value === 1 ? one : many}`;
}

function parsed(iso: string): Date | null {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** The time of day here: `14:02`. A text that is no time stays as it is. */
export function localTime(iso: string): string {
  const date = parsed(iso);
  return date ? `${two(date.getHours())}:${two(date.getMinutes())}` : iso;
}

/** The day here: `12 Jan 2026`. */
export function localDay(iso: string): string {
  const date = parsed(iso);
  return date ? `${date.getDate()} ${MONTHS[date.getMonth()] ?? ''} ${date.getFullYear()}` : iso;
}

/** Day and time for a list: `today 14:02`, `yesterday 17:24`, `9 Jan 14:02`, `9 Jan 2025 14:02`. */
export function localMoment(iso: string, now: Date = new Date()): string {
  const date = parsed(iso);
  if (!date) return iso;
  const midnight = (of: Date) => new Date(of.getFullYear(), of.getMonth(), of.getDate()).getTime();
  const days = Math.round((midnight(now) - midnight(date)) / 86_400_000);
  if (days === 0) return `today ${localTime(iso)}`;
  if (days === 1) return `yesterday ${localTime(iso)}`;
  const year = date.getFullYear() === now.getFullYear() ? '' : ` ${date.getFullYear()}`;
  return `${date.getDate()} ${MONTHS[date.getMonth()] ?? ''}${year} ${localTime(iso)}`;
}

/** The moment in full, here: `12 Jan 2026, 14:02:11 local (UTC+1)`. */
export function localFull(iso: string): string {
  const date = parsed(iso);
  if (!date) return iso;
  const offset = -date.getTimezoneOffset();
  const zone = `UTC${offset < 0 ? '-' : '+'}${Math.floor(Math.abs(offset) / 60)}${offset % 60 ? `:${two(Math.abs(offset) % 60)}` : ''}`;
  return `${localDay(iso)}, ${localTime(iso)}:${two(date.getSeconds())} local (${zone})`;
}

/** The moment in full, in UTC: `12 Jan 2026, 13:02:11 UTC`. */
export function utc(iso: string): string {
  const date = parsed(iso);
  if (!date) return iso;
  const day = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()] ?? ''} ${date.getUTCFullYear()}`;
  return `${day}, ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} UTC`;
}
