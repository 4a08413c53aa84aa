import type { HistogramReading } from '../../metrics/histogram.ts';

/** Prometheus text exposition format, version 0.0.4. */
export const contentType = 'text/plain; version=0.0.4; charset=utf-8';

export type Labels = Readonly<Record<string, string>>;

/** One line, or with a histogram the lines of one. */
export interface Sample {
  readonly labels?: Labels;
  readonly value: number | HistogramReading;
}

/** All lines of one name. A `histogram` has readings of histograms as its values, others have numbers. */
export interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** The whole page. A family without samples is left out: its name would say that there is something. */
export function expose(families: readonly Family[]): string {
  const lines: string[] = [];
  for (const { name, type, help, samples } of families) {
    if (samples.length === 0) continue;
    lines.push(`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`);
    for (const { labels = {}, value } of samples) {
      if (typeof value === 'number') lines.push(line(name, labels, value));
      else histogramLines(lines, { name, labels, reading: value });
    }
  }
  lines.push('');
  return lines.join('\n');
}

function histogramLines(
  lines: string[],
  { name, labels, reading }: { name: string; labels: Labels; reading: HistogramReading },
): void {
  let count = 0;
  reading.counts.forEach((inBucket, at) => {
    count += inBucket;
    const le = numberText(reading.bounds[at] ?? Number.POSITIVE_INFINITY);
    lines.push(line(`${name}_bucket`, { ...labels, le }, count));
  });
  lines.push(line(`${name}_sum`, labels, reading.sum), line(`${name}_count`, labels, count));
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
  const inBraces = pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
  return `${name}${inBraces} ${numberText(value)}`;
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
