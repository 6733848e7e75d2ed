/** The wall clock of a log line with its milliseconds, local; as it stands if it is no time. */
export function clockOf(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return at;
  const two = (value: number) => String(value).padStart(2, '0');
  const rest = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${rest}`;
}

/** A text in parts, those that match marked. */
export function marked(text: string, wanted: string): [string, boolean][] {
  if (wanted === '') return [[text, false]];
  const low = text.toLowerCase();
  // Lower case can change the length of rare letters; then nothing is marked rather than the wrong part.
  if (low.length !== text.length) return [[text, false]];
  const out: [string, boolean][] = [];
  let from = 0;
  for (let at = low.indexOf(wanted); at >= 0; at = low.indexOf(wanted, from)) {
    if (at > from) out.push([text.slice(from, at), false]);
    out.push([text.slice(at, at + wanted.length), true]);
    from = at + wanted.length;
  }
  if (from < text.length) out.push([text.slice(from), false]);
  return out;
}
