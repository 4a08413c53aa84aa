import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { Client } from '@lockstep/client';
import { type RunningMember, startMember } from '@lockstep/server';
import { lockstep, type Outcome } from './command.ts';

/** A member in this process for the tests of one `describe`, and the `lockstep` command with it as its endpoint. */
export class CommandedMember {
  readonly #dataDir = mkdtempSync(join(tmpdir(), 'lockstep-commanded-'));
  #member: RunningMember | undefined;
  #client: Client | undefined;
  #names = 0;

  /** To be called in a `describe`: it starts before the first of its tests, and stops after the last. */
  constructor() {
    before(async () => {
      const files = { dataDir: this.#dataDir, walSegmentBytes: 1024 * 1024 };
      this.#member = await startMember({ ...files, listen: '127.0.0.1:0' });
      this.#client = new Client({ endpoints: this.#member.clientAddress });
      await this.#client.put('ready', '');
    });
    after(async () => {
      await this.#client?.close();
      await this.#member?.stop();
      rmSync(this.#dataDir, { recursive: true, force: true });
    });
  }

  get client(): Client {
    if (this.#client === undefined) throw new Error('the member is started before the first test');
    return this.#client;
  }

  get env(): Readonly<Record<string, string>> {
    return { LOCKSTEP_ENDPOINTS: this.#member?.clientAddress ?? '' };
  }

  /** Runs the command. */
  at = (...args: string[]): Promise<Outcome> => lockstep(args, { env: this.env });

  /** A name that no other test has. */
  newName(what: string): string {
    return `${what}-${++this.#names}`;
  }
}
