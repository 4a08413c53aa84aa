import type { Endpoint } from '../model.ts';

const sampleLine = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;

/**
 * The sum over a metric's samples in a server's /metrics, of those whose labels have `label` in them; 0 if there are
 * none.
 */
export async function counterOf(
  { host, port }: Endpoint,
  name: string,
  label = '',
): Promise<number> {
  const response = await fetch(`http://${host}:${port}/metrics`);
  let sum = 0;
  for (const line of (await response.text()).split('\n')) {
    const [, metric, labels = '', value] = sampleLine.exec(line) ?? [];
    if (metric === name && labels.includes(label)) sum += Number(value);
  }
  return sum;
}
