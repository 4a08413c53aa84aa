import assert from 'node:assert/strict';

export interface ReadSample {
  /** With the suffix, if it has one: `x_bucket`. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ReadFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: ReadSample[];
}

const metricName = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const helpLine = new RegExp(`^# HELP (${metricName}) (.*)$`);
const typeLine = new RegExp(`^# TYPE (${metricName}) (counter|gauge|histogram)$`);
const sampleLine = new RegExp(`^(${metricName})(?:\\{(.*)\\})? (\\S+)$`);
const labelPair = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$)/;

/**
 * Reads Prometheus text format 0.0.4, and takes nothing that the format allows but a careful
 * exporter would not write: each family once, HELP and TYPE before its samples, no sample twice,
 * histograms whole and growing.
 *
 * @throws AssertionError with the line that is wrong.
 */
export function readMetrics(text: string): Map<string, ReadFamily> {
  assert.ok(text.endsWith('\n'), 'the last line has no end');
  const families = new Map<string, ReadFamily>();
  let help: { name: string; text: string } | undefined;
  let family: ReadFamily | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    const [, helpName, helpText = ''] = helpLine.exec(line) ?? [];
    const [, typeName, type = ''] = typeLine.exec(line) ?? [];
    if (helpName !== undefined) {
      assert.equal(help, undefined, `no TYPE between two HELP: ${line}`);
      assert.match(helpText, /^(?:[^\\]|\\[\\n])*$/, `a backslash that escapes nothing: ${line}`);
      help = { name: helpName, text: unescaped(helpText) };
    } else if (typeName !== undefined) {
      assert.equal(help?.name, typeName, `no HELP before: ${line}`);
      assert.ok(!families.has(typeName), `the family comes twice: ${line}`);
      family = { name: typeName, type, help: help?.text ?? '', samples: [] };
      families.set(typeName, family);
      help = undefined;
    } else {
      assert.equal(help, undefined, `no TYPE before: ${line}`);
      assert.ok(family !== undefined, `a sample of no family: ${line}`);
      family.samples.push(readSample(line));
    }
  }
  for (const each of families.values()) checkFamily(each);
  return families;
}

function readSample(line: string): ReadSample {
  const [, name = '', pairs = '', number = ''] = sampleLine.exec(line) ?? [];
  assert.ok(name !== '', `not a sample: ${JSON.stringify(line)}`);
  const value = number === '+Inf' ? Number.POSITIVE_INFINITY : Number(number);
  assert.ok(!Number.isNaN(value), `not a number: ${line}`);
  return { name, labels: readLabels(pairs, line), value };
}

function readLabels(pairs: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let rest = pairs;
  while (rest !== '') {
    const [whole = '', label = '', text = ''] = labelPair.exec(rest) ?? [];
    assert.ok(whole !== '', `labels that cannot be read: ${line}`);
    assert.ok(!(label in labels), `a label twice: ${line}`);
    labels[label] = unescaped(text);
    rest = rest.slice(whole.length);
    assert.ok(!(whole.endsWith(',') && rest === ''), `a comma at the end: ${line}`);
  }
  return labels;
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
}

function checkFamily({ name, type, samples }: ReadFamily): void {
  assert.ok(samples.length > 0, `${name} has no sample`);
  const seen = new Set<string>();
  for (const sample of samples) {
    const key = `${sample.name}${JSON.stringify(Object.entries(sample.labels).sort())}`;
    assert.ok(!seen.has(key), `the sample comes twice: ${key}`);
    seen.add(key);
    const suffix = sample.name.slice(name.length);
    const allowed = type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    assert.ok(
      sample.name.startsWith(name) && allowed.includes(suffix),
      `${sample.name} in ${name}`,
    );
    if (type !== 'gauge') assert.ok(sample.value >= 0, `${sample.name} is ${sample.value}`);
  }
  if (type === 'histogram') checkHistogram(name, samples);
}

function checkHistogram(name: string, samples: readonly ReadSample[]): void {
  const series = new Map<string, ReadSample[]>();
  for (const sample of samples) {
    const { le: _, ...others } = sample.labels;
    const labels = JSON.stringify(others);
    series.set(labels, [...(series.get(labels) ?? []), sample]);
  }
  for (const [labels, own] of series) {
    const buckets = own.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels: { le = '' } }) =>
      le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le),
    );
    const counts = buckets.map(({ value }) => value);
    const where = `${name}${labels}`;
    assert.equal(bounds.at(-1), Number.POSITIVE_INFINITY, `${where}: no +Inf`);
    assert.deepEqual(
      bounds,
      [...new Set(bounds)].sort((a, b) => a - b),
      `${where}: bounds`,
    );
    assert.deepEqual(
      counts,
      [...counts].sort((a, b) => a - b),
      `${where}: counts go down`,
    );
    assert.equal(
      own.find((sample) => sample.name === `${name}_count`)?.value,
      counts.at(-1),
      where,
    );
    assert.ok(
      own.some((sample) => sample.name === `${name}_sum`),
      `${where}: no sum`,
    );
  }
}
