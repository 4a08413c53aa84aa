import { type Client, invalid } from '@lockstep/client';
import { whileElected } from '../elected.ts';
import { FleetKeys } from '../policy/keys.ts';
import type { HistoryKind } from '../policy/records.ts';
import type { NotificationCounts } from './metrics.ts';
import { notifiedKinds } from './notification.ts';
import { Webhook } from './webhook.ts';

export interface NotifierOptions {
  /** Each gets everything, and none waits for another. */
  readonly urls: readonly string[];
  /** The fleet's name in the store. Default `reboot`. */
  readonly fleet?: string;
  /** What is told. Default {@link notifiedKinds}. */
  readonly kinds?: readonly HistoryKind[];
  /** One request may take so long. Default 10 s. */
  readonly timeoutMs?: number;
  /** After the first failure at most so long is waited, and then up to twice as long each time. Default 1 s. */
  readonly backoffMs?: number;
  /** But never longer. Default 1 min. */
  readonly backoffMaxMs?: number;
  /** Who this is, for `lockstep inspect election`. */
  readonly identity?: string;
  /** Told of what went wrong. */
  readonly onTrouble?: (message: string) => void;
}

/**
 * Sends what happens in a fleet to webhooks, each message at least once and in order, whichever of the processes that
 * have the URL does it. Nothing waits for it: it reads the history that coordinators, agents and operators write anyway.
 *
 * Not promised: what is trimmed from the history before a receiver takes it. That is counted, and told by nobody.
 */
export class Notifier {
  readonly #client: Client;
  readonly #webhooks: readonly Webhook[];
  readonly #identity: string;

  /** @throws InvalidError when a URL is none, or there twice. */
  constructor(client: Client, options: NotifierOptions) {
    const { fleet = 'reboot', kinds = notifiedKinds, timeoutMs = 10_000 } = options;
    const { backoffMs = 1_000, backoffMaxMs = 60_000, onTrouble = () => {} } = options;
    this.#client = client;
    this.#identity = options.identity ?? '';
    const settings = { fleet, kinds, timeoutMs, backoffMs, backoffMaxMs, onTrouble };
    const keys = new FleetKeys(fleet);
    this.#webhooks = options.urls.map((url) => new Webhook(client, keys, url, settings));
    const offices = new Set(this.#webhooks.map(({ office }) => office));
    if (offices.size < this.#webhooks.length)
      throw invalid('a webhook is named twice: leave one out');
  }

  /** Since this process began; `lost` as all processes together know it. */
  get counts(): NotificationCounts {
    const total = { sent: 0, failed: 0, refused: 0, lost: 0 };
    for (const { counts } of this.#webhooks) {
      total.sent += counts.sent;
      total.failed += counts.failed;
      total.refused += counts.refused;
      total.lost += counts.lost;
    }
    return total;
  }

  /** Sends until the signal aborts. @throws ClosedError when the client is closed. */
  async run(signal: AbortSignal): Promise<void> {
    const identity = this.#identity;
    await Promise.all(
      this.#webhooks.map((webhook) =>
        whileElected(this.#client, webhook.office, { signal, identity }, (term) =>
          webhook.run(term),
        ),
      ),
    );
  }
}
