import type { AppFacts } from './app.ts';
import type { Pace } from './plan.ts';

/** What a machine tells the host that it boots. */
export interface Orders extends AppFacts {
  readonly group: string;
  readonly endpoints: readonly string[];
  readonly pace: Pace;
}

/** What a host tells its machine. */
export type Report =
  | { readonly kind: 'serving'; readonly port: number }
  | { readonly kind: 'reboot'; readonly version: string };

/** @throws Error when there are none. */
export function readOrders(text: string | undefined): Orders {
  if (text === undefined) throw new Error('a host is started by the demo: npm run demo:fleet');
  return JSON.parse(text);
}
