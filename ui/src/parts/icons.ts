/**
 * The icons, 16 units with a stroke of 1.5. Status shapes differ in outline, so that they can be told apart without colour.
 * They are data and not markup, because the page never turns a string into markup.
 */
export interface Shape {
  tag: 'path' | 'circle' | 'rect';
  attrs: Record<string, string>;
}

const path = (d: string, attrs: Record<string, string> = {}): Shape => ({ tag: 'path', attrs: { d, ...attrs } });
const circle = (cx: string, cy: string, r: string, attrs: Record<string, string> = {}): Shape => ({
  tag: 'circle',
  attrs: { cx, cy, r, ...attrs },
});
const rect = (x: string, y: string, width: string, height: string, rx: string): Shape => ({
  tag: 'rect',
  attrs: { x, y, width, height, rx },
});

export const ICONS: Record<string, Shape[]> = {
  pass: [
    path(
      'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm3.7 4.9-4.5 5a.9.9 0 0 1-1.3 0L4.2 9a.9.9 0 0 1 1.3-1.2l1 1 3.9-4.2a.9.9 0 0 1 1.3 1.3Z',
      { class: 'i-fillin', 'fill-rule': 'evenodd' },
    ),
  ],
  fail: [
    path(
      'M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1Zm.6 3.8a.9.9 0 0 0-.9 1.5L6.7 8l-1.9 1.8a.9.9 0 1 0 1.3 1.3L8 9.3l1.9 1.8a.9.9 0 1 0 1.3-1.3L9.3 8l1.9-1.8a.9.9 0 0 0-1.3-1.3L8 6.7 6.1 4.9a.9.9 0 0 0-.4-.1Z',
      { class: 'i-fillin', 'fill-rule': 'evenodd' },
    ),
  ],
  sim: [
    circle('8', '8', '6.2', { 'stroke-dasharray': '2.6 2.27', 'stroke-linecap': 'butt', 'stroke-width': '1.7' }),
    path('M5.6 10.4l4.8-4.8', { 'stroke-width': '1.7' }),
  ],
  run: [
    circle('8', '8', '6.2', { opacity: '.28', 'stroke-width': '2' }),
    path('M8 1.8a6.2 6.2 0 0 1 6.2 6.2', { 'stroke-width': '2' }),
  ],
  wait: [circle('8', '8', '5.5')],
  skip: [circle('8', '8', '5.5'), path('M5.5 8h5')],
  stop: [rect('2.5', '2.5', '11', '11', '1'), path('M6.2 5.5v5M9.8 5.5v5')],
  warn: [path('M8 2.2 14.5 13.5h-13Z'), path('M8 6.5v3.2M8 11.5v.1')],
  info: [circle('8', '8', '6.2'), path('M8 7.3v3.7M8 5v.1')],
  fault: [path('M8.8 1.5 3.5 9h4l-.8 5.5L12.5 7h-4Z')],
  check: [
    path('M2 8h4'),
    circle('3.5', '8', '2', { fill: 'currentColor', stroke: 'none' }),
    path('M9 2.5v11', { 'stroke-width': '2' }),
    path('M12.5 2.5v2M12.5 7v2M12.5 11.5v2'),
  ],
  history: [path('M2.5 3v3h3'), path('M2.7 6A5.7 5.7 0 1 1 2.3 9'), path('M8 5v3.3l2.2 1.4')],
  services: [
    rect('2', '2.5', '12', '4.5', '1'),
    rect('2', '9', '12', '4.5', '1'),
    path('M4.5 4.75h.1M4.5 11.25h.1M8 4.75h3.5M8 11.25h3.5'),
  ],
  envs: [path('M8 1.8 14 5 8 8.2 2 5Z'), path('m2 8 6 3.2L14 8M2 11l6 3.2L14 11')],
  drill: [
    path('M8 1.8v2.4M8 11.8v2.4M1.8 8h2.4M11.8 8h2.4'),
    circle('8', '8', '4.2'),
    circle('8', '8', '1.1', { fill: 'currentColor', stroke: 'none' }),
  ],
  gauge: [path('M3 12.5a6.2 6.2 0 1 1 10 0'), path('m8 9.5 2.8-3.6'), path('M8 9.5h.1', { 'stroke-width': '2.2' })],
  gear: [
    circle('8', '8', '2.2'),
    path('M8 1.5v2M8 12.5v2M1.5 8h2M12.5 8h2M3.4 3.4l1.4 1.4M11.2 11.2l1.4 1.4M12.6 3.4l-1.4 1.4M4.8 11.2l-1.4 1.4'),
  ],
  theme: [circle('8', '8', '6'), path('M8 2a6 6 0 0 1 0 12Z', { fill: 'currentColor', stroke: 'none' })],
  keys: [rect('1.5', '4', '13', '8.5', '1.5'), path('M4.5 7h.1M7 7h.1M9.5 7h.1M11.8 7h.1M5 10h6')],
  chev: [path('m6 3.5 4.5 4.5L6 12.5')],
  updown: [path('m5 6 3-3 3 3M5 10l3 3 3-3')],
  down: [path('m3.5 6 4.5 4.5L12.5 6')],
  play: [path('M4.5 2.8v10.4L13 8Z', { fill: 'currentColor' })],
  square: [{ tag: 'rect', attrs: { x: '3.5', y: '3.5', width: '9', height: '9', rx: '1', fill: 'currentColor' } }],
  restart: [path('M13.5 3v3.2h-3.2'), path('M13.2 6A5.7 5.7 0 1 0 13.7 9')],
  search: [circle('7', '7', '4.5'), path('m10.5 10.5 3.5 3.5')],
  x: [path('m4 4 8 8M12 4l-8 8')],
  plus: [path('M8 3v10M3 8h10')],
  copy: [
    rect('5.5', '5.5', '8', '8.5', '1.5'),
    path('M10.5 5.5V3.5A1.5 1.5 0 0 0 9 2H4A1.5 1.5 0 0 0 2.5 3.5V9A1.5 1.5 0 0 0 4 10.5h1.5'),
  ],
  export: [path('M8 10V2M5 4.8 8 2l3 2.8M2.5 9.5v3a1.5 1.5 0 0 0 1.5 1.5h8a1.5 1.5 0 0 0 1.5-1.5v-3')],
  import: [path('M8 2v8M5 7.2 8 10l3-2.8M2.5 9.5v3a1.5 1.5 0 0 0 1.5 1.5h8a1.5 1.5 0 0 0 1.5-1.5v-3')],
  ext: [path('M6.5 3.5H3.5A1 1 0 0 0 2.5 4.5v8a1 1 0 0 0 1 1h8a1 1 0 0 0 1-1v-3M9 2.5h4.5V7M13.3 2.7 7.5 8.5')],
  file: [path('M4 1.8h5L12.5 5v8.2a1 1 0 0 1-1 1h-7.5a1 1 0 0 1-1-1V2.8a1 1 0 0 1 1-1Z'), path('M9 1.8V5h3.5')],
  lock: [rect('3', '7', '10', '7', '1.5'), path('M5 7V5a3 3 0 0 1 6 0v2')],
  shield: [
    path('M8 1.5 13.5 3.5V8c0 3.2-2.3 5.4-5.5 6.5C4.8 13.4 2.5 11.2 2.5 8V3.5Z'),
    path('m5.5 8 1.8 1.8L10.7 6.2'),
  ],
  pen: [path('m2.5 13.5.8-3.3 7.7-7.7 2.5 2.5-7.7 7.7Z')],
  swap: [path('M2.5 5.5h10.5M10.5 3l2.5 2.5L10.5 8M13.5 10.5H3M5.5 8 3 10.5 5.5 13')],
  filter: [path('M2 3.5h12M4.5 8h7M6.5 12.5h3')],
  dots: [path('M3.5 8h.1M8 8h.1M12.5 8h.1', { 'stroke-width': '2.2' })],
  pause: [path('M5.5 3.5v9M10.5 3.5v9', { 'stroke-width': '2' })],
  term: [path('m3 4.5 3.5 3.5L3 11.5M8 12h5')],
  trash: [path('M2.5 4h11M6 4V2.5h4V4M4 4l.7 9.5h6.6L12 4')],
  cloud: [path('M4.5 12.5a3 3 0 0 1-.3-6 4 4 0 0 1 7.7.7 2.7 2.7 0 0 1-.4 5.3Z')],
  laptop: [rect('3', '3', '10', '7', '1'), path('M1.5 12.5h13')],
  tick: [path('m3 8.5 3.2 3.2L13 5')],
  up: [path('M8 13V3M4 7l4-4 4 4')],
  dn: [path('M8 3v10M4 9l4 4 4-4')],
  eq: [path('M3 6h10M3 10h10')],
  waived: [circle('8', '8', '6.2'), circle('8', '8', '2.2', { fill: 'currentColor', stroke: 'none' })],
  unproven: [circle('8', '8', '6.2'), path('M6.2 6.4a1.85 1.85 0 1 1 2.7 1.65c-.6.33-.9.7-.9 1.35M8 11.5v.1')],
};
