import { type Client, KeyExistsError } from '@lockstep/client';
import { arrayFromBytes, type ByteString, bytesFromText } from '@lockstep/client/protocol';
import { parse, type ValueForm } from './value-form.ts';
import { failureText } from './wording.ts';

/** A key that somebody is about to make. */
export class NewKey {
  key: string;
  text = '';
  form: ValueForm = 'text';
  readonly #client: Client;
  readonly #changed: () => void;
  #isBusy = false;
  #keyFault: string | undefined;
  #valueFault: string | undefined;
  #fault: string | undefined;

  constructor(client: Client, prefix: string, changed: () => void) {
    this.#client = client;
    this.key = prefix;
    this.#changed = changed;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  get keyFault(): string | undefined {
    return this.#keyFault;
  }

  get valueFault(): string | undefined {
    return this.#valueFault;
  }

  get fault(): string | undefined {
    return this.#fault;
  }

  /** Resolves with the key when it is made, and with undefined when it was refused. Never rejects. */
  async create(): Promise<ByteString | undefined> {
    const key = bytesFromText(this.key);
    const typed = parse(this.text, this.form, undefined);
    this.#fault = undefined;
    this.#keyFault = undefined;
    this.#valueFault = 'fault' in typed ? typed.fault : undefined;
    if (this.key === '') this.#keyFault = 'A key has at least one character.';
    else if (key === undefined) this.#keyFault = 'This key holds half a character.';
    if (key === undefined || 'fault' in typed || this.#keyFault !== undefined || this.#isBusy) {
      this.#changed();
      return undefined;
    }
    this.#isBusy = true;
    this.#changed();
    try {
      await this.#client.create(this.key, arrayFromBytes(typed.bytes));
      return key;
    } catch (error) {
      if (error instanceof KeyExistsError) {
        this.#keyFault = `This key exists already, since revision ${error.modRevision}. Nothing was changed.`;
      } else this.#fault = failureText(error);
      return undefined;
    } finally {
      this.#isBusy = false;
      this.#changed();
    }
  }
}
