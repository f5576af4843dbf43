/** Plots as SVG, plain enough to be read in a diff: lines over a scale, or bars of a logarithm. */

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
  /** A bound, not a measurement. */
  readonly dashed?: boolean;
}

export interface LinePlot {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

export interface Axis {
  readonly label: string;
  /** Where lines and numbers stand; the first and the last bound the plot. */
  readonly ticks: readonly number[];
  /** Each tick as far from the next, whatever the values. */
  readonly even?: boolean;
}

export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly label: string;
}

const WIDTH = 760;
const HEIGHT = 400;
const MARGIN = { left: 70, right: 170, top: 44, bottom: 56 };
const INNER = {
  width: WIDTH - MARGIN.left - MARGIN.right,
  height: HEIGHT - MARGIN.top - MARGIN.bottom,
};
/** Where the bars begin: a logarithm has no zero. */
const BAR_LEAST = 0.1;
/** Told apart also without colours: the marks differ. */
const COLORS = ["#0b6e99", "#c44536", "#5b8c5a", "#8e6c8a", "#b8860b", "#444444"];
const FONT = 'font-family="sans-serif" font-size="13"';

export function drawLines({ title, x, y, series }: LinePlot): string {
  const parts = [frame(title, { x, y })];
  for (const [index, { name, points, dashed }] of series.entries()) {
    const color = COLORS[index % COLORS.length] ?? "black";
    const places = points.map(([one, other]) => [place(x, one), 1 - place(y, other)] as const);
    const path = places.map(([across, down]) => `${left(across)},${top(down)}`).join(" ");
    const dashes = dashed ? ' stroke-dasharray="6 4"' : "";
    parts.push(
      `<polyline fill="none" stroke="${color}" stroke-width="2"${dashes} points="${path}"/>`,
    );
    if (!dashed && points.length < 30) {
      for (const [across, down] of places) parts.push(mark(index, color, left(across), top(down)));
    }
    const at = MARGIN.top + 12 + index * 22;
    const legend = WIDTH - MARGIN.right + 16;
    parts.push(
      `<line x1="${legend}" x2="${legend + 26}" y1="${at}" y2="${at}" stroke="${color}" stroke-width="2"${dashes}/>`,
    );
    if (!dashed) parts.push(mark(index, color, legend + 13, at));
    parts.push(text(legend + 34, at + 4, name, "start"));
  }
  return wrap(title, parts);
}

/** Horizontal bars, the length the logarithm of the value, the value written beside it. */
export function drawBars(title: string, bars: readonly Bar[]): string {
  const length = (value: number): number => Math.log10(Math.max(1.1, value / BAR_LEAST));
  const most = Math.max(1, ...bars.map(({ value }) => length(value)));
  const step = Math.min(34, (HEIGHT - MARGIN.top - 20) / Math.max(1, bars.length));
  const parts = [text(WIDTH / 2, 24, title, "middle")];
  for (const [index, { name, value, label }] of bars.entries()) {
    const y = MARGIN.top + index * step;
    const width = ((WIDTH - 350) * length(value)) / most;
    const color = index === 0 ? COLORS[0] : "#9fb4c0";
    parts.push(text(132, y + step / 2 + 2, name, "end"));
    parts.push(
      `<rect x="140" y="${round(y)}" width="${round(width)}" height="${round(step - 8)}" fill="${color}"/>`,
    );
    parts.push(text(148 + width, y + step / 2 + 2, label, "start"));
  }
  return wrap(title, parts);
}

/** From 0 to 1 along an axis. */
function place({ ticks, even }: Axis, value: number): number {
  const first = ticks[0] ?? 0;
  const last = ticks.at(-1) ?? 1;
  if (!even) return Math.min(1, Math.max(0, (value - first) / (last - first)));
  const after = ticks.findIndex((tick) => tick >= value);
  if (after <= 0) return 0;
  const low = ticks[after - 1] ?? first;
  const high = ticks[after] ?? last;
  return (after - 1 + (value - low) / (high - low)) / (ticks.length - 1);
}

function frame(title: string, { x, y }: { readonly x: Axis; readonly y: Axis }): string {
  const parts = [text(MARGIN.left + INNER.width / 2, 24, title, "middle")];
  for (const tick of y.ticks) {
    const at = top(1 - place(y, tick));
    parts.push(
      `<line x1="${MARGIN.left}" x2="${MARGIN.left + INNER.width}" y1="${at}" y2="${at}" stroke="#ddd"/>`,
      text(MARGIN.left - 8, at + 4, String(tick), "end"),
    );
  }
  for (const tick of x.ticks) {
    const at = left(place(x, tick));
    parts.push(text(at, MARGIN.top + INNER.height + 20, String(tick), "middle"));
  }
  parts.push(text(MARGIN.left + INNER.width / 2, HEIGHT - 14, x.label, "middle"));
  parts.push(
    `<text ${FONT} text-anchor="middle" transform="translate(18 ${MARGIN.top + INNER.height / 2}) rotate(-90)">${escapeXml(y.label)}</text>`,
  );
  return parts.join("\n");
}

function mark(index: number, color: string, x: number, y: number): string {
  switch (index % 3) {
    case 0:
      return `<circle cx="${x}" cy="${y}" r="4" fill="${color}"/>`;
    case 1:
      return `<rect x="${round(x - 4)}" y="${round(y - 4)}" width="8" height="8" fill="${color}"/>`;
    default:
      return `<path d="M${x} ${round(y - 5)}l5 9h-10z" fill="${color}"/>`;
  }
}

function left(share: number): number {
  return round(MARGIN.left + share * INNER.width);
}

function top(share: number): number {
  return round(MARGIN.top + share * INNER.height);
}

function text(x: number, y: number, content: string, anchor: "start" | "middle" | "end"): string {
  return `<text ${FONT} x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escapeXml(content)}</text>`;
}

function wrap(title: string, parts: readonly string[]): string {
  const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}">`;
  const background = `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`;
  // Also what a reader without pictures gets.
  const name = `<title>${escapeXml(title)}</title>`;
  return [head, name, background, ...parts, "</svg>", ""].join("\n");
}

function escapeXml(content: string): string {
  return content.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function round(value: number): number {
  return Number(value.toFixed(1));
}
