import { createHash } from 'node:crypto';
import { type Client, invalid, type KeyValue, LockstepError, pause } from '@lockstep/client';
import { entryIn, revisionIn } from '../history.ts';
import type { FleetKeys } from '../policy/keys.ts';
import type { HistoryKind } from '../policy/records.ts';
import type { NotificationCounts } from './metrics.ts';
import { type Notification, notificationOf } from './notification.ts';

export interface WebhookSettings {
  readonly fleet: string;
  readonly kinds: readonly HistoryKind[];
  /** One request may take so long. */
  readonly timeoutMs: number;
  /** The longest wait after the first failure; it doubles up to `backoffMaxMs`, and what is waited is a random part of it. */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  readonly onTrouble: (message: string) => void;
}

/** More than one transaction can write, so that a revision is never cut in two. */
const pageRows = 200;
/** News that come together are read together. */
const gatherMs = 100;
const retryMs = 1_000;

/**
 * Tells one URL what happens: it reads the history behind a cursor that is kept in the store, and moves the cursor after what
 * was taken. So everything arrives at least once, in order, whoever sends it, unless it is trimmed from the history before.
 */
export class Webhook {
  /** Who of several processes sends to this URL is elected under this name. */
  readonly office: string;
  readonly #url: URL;
  readonly #client: Client;
  readonly #keys: FleetKeys;
  readonly #settings: WebhookSettings;
  readonly #hash: string;
  #sent = 0;
  #failed = 0;
  #refused = 0;
  #lost = 0;

  /** @throws InvalidError when the URL is none. */
  constructor(client: Client, keys: FleetKeys, url: string, settings: WebhookSettings) {
    this.#client = client;
    this.#keys = keys;
    this.#url = webhookUrl(url);
    this.#settings = settings;
    // The path of a webhook's URL is often its secret, so it is kept nowhere.
    this.#hash = createHash('sha256').update(this.#url.href).digest('hex').slice(0, 16);
    this.office = `${settings.fleet}.notifier.${this.#hash}`;
  }

  get counts(): NotificationCounts {
    return { sent: this.#sent, failed: this.#failed, refused: this.#refused, lost: this.#lost };
  }

  /** Sends until the signal aborts, through outages of the store and of the receiver. Throws when the client is closed. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#follow(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof LockstepError) || error.code === 'closed') throw error;
        this.#settings.onTrouble(`notifications to ${this.#url.origin}: ${error.message}`);
        await pause(this.#client.clock, retryMs, signal);
      }
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { clock } = this.#client;
    const watch = this.#client.watch({
      prefix: this.#keys.history,
      noDelete: true,
      keysOnly: true,
      overflow: 'latest',
      progressNotify: true,
      signal,
    });
    try {
      const news = watch.batches();
      let heard = news.next();
      heard.catch(() => {});
      // What is written from now on is heard of, and what was written before is read.
      await watch.ready();
      let cursor = await this.#cursor(signal);
      for (;;) {
        cursor = await this.#catchUp(cursor, signal);
        await heard;
        heard = news.next();
        heard.catch(() => {});
        await pause(clock, gatherMs, signal);
        signal.throwIfAborted();
      }
    } finally {
      watch.close();
    }
  }

  /** The revision up to which everything was told. A new URL is told what happens from now on. */
  async #cursor(signal: AbortSignal): Promise<number> {
    const reply = await this.#client.range(this.#keys.notified(this.#hash), { signal });
    const [kv] = reply.kvs;
    const revision = kv === undefined ? undefined : revisionIn(kv.value);
    if (revision !== undefined) return revision;
    await this.#keep(reply.header.revision, signal);
    return reply.header.revision;
  }

  async #keep(revision: number, signal: AbortSignal): Promise<void> {
    const value = JSON.stringify({ revision, to: this.#url.origin });
    await this.#client.put(this.#keys.notified(this.#hash), value, { signal });
  }

  /** @returns the revision up to which everything is told now. */
  async #catchUp(from: number, signal: AbortSignal): Promise<number> {
    let cursor = from;
    for (;;) {
      const { kvs, more } = await this.#client.range(
        { prefix: this.#keys.history },
        {
          minModRevision: cursor + 1,
          sortTarget: 'mod',
          sortOrder: 'ascend',
          limit: pageRows,
          signal,
        },
      );
      await this.#readLost(signal);
      const end = kvs.at(-1)?.modRevision;
      if (end === undefined) return cursor;
      for (const [at, kv] of kvs.entries()) {
        // A revision may go on in the next page, and is told from there.
        if (more && kv.modRevision === end) break;
        await this.#tell(kv, signal);
        if (kvs[at + 1]?.modRevision === kv.modRevision) continue;
        cursor = kv.modRevision;
        if (this.#isTold(kv)) await this.#keep(cursor, signal);
      }
      if (!more) {
        await this.#keep(cursor, signal);
        return cursor;
      }
    }
  }

  #isTold(kv: KeyValue): boolean {
    const entry = entryIn(kv.value);
    return entry !== undefined && this.#settings.kinds.includes(entry.kind);
  }

  async #tell(kv: KeyValue, signal: AbortSignal): Promise<void> {
    const entry = entryIn(kv.value);
    if (entry === undefined || !this.#settings.kinds.includes(entry.kind)) return;
    const { fleet, backoffMs, backoffMaxMs, onTrouble } = this.#settings;
    const message = notificationOf(fleet, kv.key, entry);
    const { clock } = this.#client;
    for (let attempt = 0; ; attempt++) {
      const fault = await this.#post(message, signal);
      signal.throwIfAborted();
      if (fault === undefined) {
        this.#sent++;
        return;
      }
      this.#failed++;
      const where = `notification of "${entry.kind}" to ${this.#url.origin}`;
      if (fault.isFinal) {
        this.#refused++;
        onTrouble(`${where} was refused and is dropped: ${fault.why}`);
        return;
      }
      if (attempt === 0) onTrouble(`${where} failed and is tried again: ${fault.why}`);
      const longest = Math.min(backoffMaxMs, backoffMs * 2 ** Math.min(attempt, 30));
      await pause(clock, longest * clock.random(), signal);
      signal.throwIfAborted();
    }
  }

  /** Undefined when it was taken. */
  async #post(message: Notification, signal: AbortSignal): Promise<Fault | undefined> {
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'user-agent': 'lockstep' },
        body: JSON.stringify(message),
        // Where it leads was not chosen by whoever chose the URL.
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(this.#settings.timeoutMs)]),
      });
      await response.body?.cancel();
      if (response.ok) return undefined;
      const { status } = response;
      const isFinal = status < 500 && ![408, 425, 429].includes(status);
      return { why: `it answered ${status}`, isFinal };
    } catch (error) {
      return { why: reasonOf(error), isFinal: false };
    }
  }

  /** Those who trim the history count what a webhook had not got. */
  async #readLost(signal: AbortSignal): Promise<void> {
    const kv = await this.#client.get(this.#keys.untold(this.#hash), { signal });
    this.#lost = kv === undefined ? 0 : Number(kv.value);
  }
}

interface Fault {
  readonly why: string;
  /** It will never be taken. */
  readonly isFinal: boolean;
}

/** @throws InvalidError. */
export function webhookUrl(text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw invalid(
      `${JSON.stringify(text)} is no URL; write for example https://hooks.example/reboots`,
    );
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw invalid(`a webhook has http or https, not ${url.protocol} (${url.host})`);
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid(
      'the URL of a webhook has no user and password: put a secret into its path or query',
    );
  }
  return url;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
