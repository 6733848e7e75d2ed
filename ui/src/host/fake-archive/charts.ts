/** Drawings of the fake's reports: as Rust draws them, each with its sentence and its table. */
import type { Chart } from '../types/Chart';

interface Ink {
  text: string;
  grid: string;
  line: string;
  thin: string;
  ink: string;
  hatch: string;
  go: string;
}

function inks(dark: boolean): Ink {
  return dark
    ? {
        text: '#8d9a96',
        grid: '#212828',
        line: '#79abf5',
        thin: '#4873ab',
        ink: '#e8eeec',
        hatch: '#1b2121',
        go: '#5bd9b2',
      }
    : {
        text: '#5d6865',
        grid: '#e3e8e6',
        line: '#1f63c4',
        thin: '#5c93dd',
        ink: '#141a19',
        hatch: '#eceeed',
        go: '#00654c',
      };
}

function frame(width: number, height: number, inside: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="11">${inside}</svg>`;
}

/** Latency by percentile. */
export function percentiles(id: string, p50: number, p95: number, worst: number, limit: number, dark: boolean): Chart {
  const c = inks(dark);
  const stages: [string, number][] = [
    ['min', p50 * 0.9],
    ['50%', p50],
    ['75%', p50 + (p95 - p50) * 0.4],
    ['90%', p50 + (p95 - p50) * 0.8],
    ['95%', p95],
    ['98%', worst],
  ];
  const top = Math.max(limit, worst) * 1.15;
  const x = (k: number) => 60 + (k / (stages.length - 1)) * 600;
  const y = (v: number) => 200 - (v / top) * 180;
  const points = stages.map(([, v], k) => `${x(k).toFixed(1)},${y(v).toFixed(1)}`).join(' ');
  const axis = stages
    .map(
      ([name], k) =>
        `<text x="${x(k)}" y="222" text-anchor="middle" fill="${c.text}">${name}</text><path d="M${x(k)} 16V204" stroke="${c.grid}"/>`,
    )
    .join('');
  const over = p95 >= limit;
  return {
    id: `${id}-percentiles`,
    title: 'Latency by percentile',
    note: '60 requests: percentiles above 98% are not resolved',
    alt: `P50 ${Math.round(p50)} ms, P95 ${Math.round(p95)} ms, slowest ${Math.round(worst)} ms; P95 is ${over ? 'over' : 'under'} the limit of ${limit} ms.`,
    svg: frame(
      720,
      236,
      `${axis}<path d="M60 ${y(limit).toFixed(1)}H660" stroke="${c.ink}" stroke-width="1.5"/><text x="66" y="${(y(limit) - 5).toFixed(1)}" fill="${c.ink}">limit ${limit} ms at P95</text><polyline points="${points}" fill="none" stroke="${c.line}" stroke-width="2"/>`,
    ),
    table: {
      title: 'Latency by percentile',
      note: '',
      columns: [
        { title: 'Percentile', numeric: false, mono: false },
        { title: 'ms', numeric: true, mono: false },
      ],
      rows: stages.map(([name, v]) => [name, v.toFixed(1)]),
    },
  };
}

/** Requests by duration. */
export function distribution(id: string, p50: number, p95: number, dark: boolean): Chart {
  const c = inks(dark);
  const counts = [1, 2, 5, 9, 14, 11, 7, 5, 3, 2, 1];
  const step = (p95 - p50) / 5;
  const rows = counts.map((count, k): [number, number] => [p50 + (k - 4) * step, count]);
  const bars = counts
    .map(
      (count, k) =>
        `<rect x="${60 + k * 54}" y="${140 - count * 8}" width="48" height="${count * 8}" fill="${c.thin}"/>`,
    )
    .join('');
  const ticks = rows
    .filter((_, k) => k % 2 === 0)
    .map(([v], k) => `<text x="${84 + k * 108}" y="158" text-anchor="middle" fill="${c.text}">${Math.round(v)}</text>`)
    .join('');
  return {
    id: `${id}-distribution`,
    title: 'Distribution',
    note: `requests per ${Math.round(step)} ms`,
    alt: `Most requests took about ${Math.round(p50)} ms, none stands far apart.`,
    svg: frame(720, 168, `<path d="M60 140.5H660" stroke="${c.grid}"/>${bars}${ticks}`),
    table: {
      title: 'Distribution',
      note: '',
      columns: [
        { title: 'From ms', numeric: true, mono: false },
        { title: 'Requests', numeric: true, mono: false },
      ],
      rows: rows.map(([v, count]) => [v.toFixed(0), String(count)]),
    },
  };
}

/** The whole check on one clock. */
export function timeline(elapsed: number, faults: [string, number, number][], dark: boolean): Chart {
  const c = inks(dark);
  const x = (ms: number) => 60 + (ms / elapsed) * 860;
  const clock = (ms: number) => `${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, '0')}`;
  let grid = '';
  for (let at = 0; at < elapsed; at += 60_000) {
    grid += `<path d="M${x(at).toFixed(1)} 24V300" stroke="${c.grid}"/><text x="${(x(at) + 4).toFixed(1)}" y="16" fill="${c.text}">${clock(at)}</text>`;
  }
  const cuts = faults
    .map(
      ([name, from, to]) =>
        `<rect x="${x(from).toFixed(1)}" y="24" width="${Math.max(2, x(to) - x(from)).toFixed(1)}" height="276" fill="${c.hatch}"/><path d="M${x(from).toFixed(1)} 24V300" stroke="${c.ink}"/><path d="M${x(to).toFixed(1)} 24V300" stroke="${c.go}"/><text x="${(x(to) + 5).toFixed(1)}" y="40" fill="${c.ink}">${name} ${Math.round((to - from) / 1000)} s</text>`,
    )
    .join('');
  const line: string[] = [];
  for (let k = 0; k <= 120; k += 1) {
    const at = (k / 120) * elapsed;
    const calm = 220 - Math.sin(k * 1.7) * 8 - (k < 6 ? 90 : 0);
    line.push(`${x(at).toFixed(1)},${calm.toFixed(1)}`);
  }
  return {
    id: 'timeline',
    title: 'The whole check on one clock',
    note: 'P95 thick, restarts cut through everything',
    alt:
      faults.length === 0
        ? `Latency stayed even over ${clock(elapsed)}; nothing was restarted.`
        : `Over ${clock(elapsed)}: ${faults.map(([name, from, to]) => `${name} away from ${clock(from)} to ${clock(to)}`).join(', ')}.`,
    svg: frame(
      980,
      320,
      `${cuts}${grid}<polyline points="${line.join(' ')}" fill="none" stroke="${c.line}" stroke-width="2"/>`,
    ),
    table: {
      title: 'Restarts',
      note: '',
      columns: [
        { title: 'Service', numeric: false, mono: false },
        { title: 'From', numeric: true, mono: false },
        { title: 'To', numeric: true, mono: false },
      ],
      rows: faults.map(([name, from, to]) => [name, clock(from), clock(to)]),
    },
  };
}
