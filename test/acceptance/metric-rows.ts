import { test } from 'node:test';
import { amountOf, type MeasuredMember, type Page } from '../harness/measured-member.ts';

type Labels = Record<string, string>;

/** A metric, perhaps some of its samples only, and whether it goes up (the default) or down. */
export interface Moved {
  readonly name: string;
  readonly labels?: Labels;
  readonly down?: boolean;
  readonly value?: (page: Page) => number;
}

type Measured = Pick<MeasuredMember, 'scrape' | 'until'>;

/** Names that a row covers, and names that were on a page. */
export const covered = new Set<string>();
export const seen = new Set<string>();

export function note(page: Page): Page {
  for (const name of page.keys()) seen.add(name);
  return page;
}

/** Defines a test: what `cause` does moves each of the metrics, as `member` shows them. */
export function moves(
  metrics: readonly (string | Moved)[],
  by: string,
  { member, cause }: { member: () => Measured; cause: () => Promise<unknown> },
): void {
  const all = metrics.map((metric) => (typeof metric === 'string' ? { name: metric } : metric));
  for (const { name } of all) covered.add(name);
  test(`${all.map(({ name }) => name).join(', ')}: ${by}`, async () => {
    const read = ({ name, labels, value }: Moved, page: Page): number =>
      value?.(page) ?? amountOf(page, name, labels);
    const one = member();
    const first = note(await one.scrape());
    await cause();
    for (const metric of all) {
      const from = read(metric, first);
      const moved = (page: Page): boolean =>
        metric.down === true ? read(metric, page) < from : read(metric, page) > from;
      note(await one.until(moved, `${metric.name} is still ${from}`));
    }
  });
}

/** Defines a test: the metric has a value that something else decides. */
export function shows(name: string, what: string, check: () => Promise<void>): void {
  covered.add(name);
  test(`${name}: ${what}`, check);
}

/** A call of etcd's API, by JSON, is counted as one over gRPC. */
export function etcdCallMoves(member: () => Measured & { readonly address: string }): void {
  moves(
    [
      'grpc_server_started_total',
      'grpc_server_handled_total',
      'grpc_server_handling_seconds',
      'etcd_network_client_grpc_received_bytes_total',
      'etcd_network_client_grpc_sent_bytes_total',
    ],
    "a call of etcd's API",
    {
      member,
      cause: () =>
        fetch(`http://${member().address}/v3/kv/range`, { method: 'POST', body: '{"key":"YQ=="}' }),
    },
  );
}
