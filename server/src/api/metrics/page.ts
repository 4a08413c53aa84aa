import type { ProcessReadings } from '../../metrics/readings.ts';
import { etcdRows } from './etcd-rows.ts';
import { contentType, expose, type Family } from './exposition.ts';
import { ownRows } from './own-rows.ts';
import { processRows } from './process-rows.ts';
import type { Readings, Row } from './rows.ts';

/** Every metric there is. */
export const described: readonly Omit<Family, 'samples'>[] = [
  ...etcdRows,
  ...ownRows,
  ...processRows,
];

/** The answer to `GET /metrics`. */
export interface MetricsPage {
  readonly contentType: string;
  readonly body: string;
}

/** @param process undefined where nobody looks at the process: then its metrics are left out. */
export function metricsPage(readings: Readings, process: ProcessReadings | undefined): MetricsPage {
  const families = [
    ...filled(etcdRows, readings),
    ...filled(ownRows, readings),
    ...(process === undefined ? [] : filled(processRows, process)),
  ];
  return { contentType, body: expose(families) };
}

function filled<From>(rows: readonly Row<From>[], from: From): Family[] {
  return rows.map(({ name, type, help, read }) => {
    const values = read(from);
    return { name, type, help, samples: typeof values === 'number' ? [{ value: values }] : values };
  });
}
