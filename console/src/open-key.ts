import {
  type Client,
  ConflictError,
  compare,
  type KeyValue,
  op,
  type WatchEvent,
} from '@lockstep/client';
import { arrayFromBytes, type ByteString, emptyBytes } from '@lockstep/client/protocol';
import { KeyHistory } from './key-history.ts';
import { pause } from './pause.ts';
import { bestForm, parse, show, type ValueForm } from './value-form.ts';
import { bytesOf, failureText } from './wording.ts';

const retryMs = 1_000;

/** A value while it is typed. */
export interface Draft {
  readonly text: string;
  readonly form: ValueForm;
  /** The revision of the version that the editing began with, and its value. */
  readonly revision: number;
  readonly before: ByteString;
}

/** The key that is looked at: what it is now, what it was, and what somebody is about to make of it. */
export class OpenKey {
  readonly key: ByteString;
  readonly history: KeyHistory;
  readonly #client: Client;
  readonly #bytes: Uint8Array;
  readonly #changed: () => void;
  readonly #stop = new AbortController();
  #state: 'reading' | 'present' | 'absent' = 'reading';
  #kv: KeyValue | undefined;
  #deletedAt: number | undefined;
  #fault: string | undefined;
  #form: ValueForm | undefined;
  #shownVersion: KeyValue | undefined;
  #draft: Draft | undefined;
  #isAskingToDelete = false;
  #isBusy = false;
  #refusal: string | undefined;
  #conflict: ConflictError | undefined;

  constructor(client: Client, key: ByteString, changed: () => void) {
    this.key = key;
    this.#client = client;
    this.#changed = changed;
    this.#bytes = arrayFromBytes(key);
    this.history = new KeyHistory(client, this.#bytes, changed, this.#stop.signal);
    this.#follow(this.#stop.signal).catch(() => {});
  }

  get state(): 'reading' | 'present' | 'absent' {
    return this.#state;
  }

  /** The newest version; the last one there was when the key is gone. */
  get kv(): KeyValue | undefined {
    return this.#kv;
  }

  get deletedAt(): number | undefined {
    return this.#deletedAt;
  }

  /** Why the key cannot be read just now. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** An earlier version that is shown instead of the newest. */
  get shownVersion(): KeyValue | undefined {
    return this.#shownVersion;
  }

  get draft(): Draft | undefined {
    return this.#draft;
  }

  get isDirty(): boolean {
    return this.#draft !== undefined && this.#draft.text !== textOf(this.#draft);
  }

  get isAskingToDelete(): boolean {
    return this.#isAskingToDelete;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Why the last change was not made, unless by a conflict. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** Somebody else wrote the key meanwhile, so the last change was not made. */
  get conflict(): ConflictError | undefined {
    return this.#conflict;
  }

  /** The key has changed since the editing began. */
  get isOvertaken(): boolean {
    if (this.#draft === undefined) return false;
    return this.#state === 'absent' || this.#kv?.modRevision !== this.#draft.revision;
  }

  get form(): ValueForm {
    const kv = this.#shownVersion ?? this.#kv;
    return this.#form ?? bestForm(kv === undefined ? emptyBytes : bytesOf(kv.wireValue));
  }

  choose(form: ValueForm): void {
    this.#form = form;
    this.#changed();
  }

  showVersion(kv: KeyValue | undefined): void {
    this.#shownVersion = kv;
    this.#changed();
  }

  /** Begins to edit, with the newest value or with that of an earlier version. */
  edit(from: KeyValue | undefined = this.#kv): void {
    if (this.#kv === undefined || from === undefined) return;
    const value = bytesOf(from.wireValue);
    const form = 'fault' in show(value, this.form) ? bestForm(value) : this.form;
    const shown = show(value, form);
    this.#draft = {
      text: 'text' in shown ? shown.text : '',
      form,
      revision: this.#kv.modRevision,
      before: bytesOf(this.#kv.wireValue),
    };
    this.#shownVersion = undefined;
    this.#clearRefusal();
    this.#changed();
  }

  type(text: string): void {
    if (this.#draft === undefined) return;
    this.#draft = { ...this.#draft, text };
    this.#refusal = undefined;
    this.#changed();
  }

  /** Types on in another form, if what is typed so far can be read. */
  chooseDraft(form: ValueForm): void {
    if (this.#draft === undefined) return;
    const typed = parse(this.#draft.text, this.#draft.form, this.#draft.before);
    const shown = 'bytes' in typed ? show(typed.bytes, form) : typed;
    if ('fault' in shown) this.#refusal = shown.fault;
    else {
      this.#draft = { ...this.#draft, form, text: shown.text };
      this.#refusal = undefined;
    }
    this.#changed();
  }

  /** Says that there is a draft which is not saved. */
  remind(): void {
    this.#refusal = 'This value is not saved yet: save it or cancel first.';
    this.#changed();
  }

  cancel(): void {
    this.#draft = undefined;
    this.#isAskingToDelete = false;
    this.#clearRefusal();
    this.#changed();
  }

  /** Writes the draft if the key is still as it was when the editing began, and keeps its lease. Never rejects. */
  async save(): Promise<void> {
    const draft = this.#draft;
    if (draft === undefined) return;
    const typed = parse(draft.text, draft.form, draft.before);
    if ('fault' in typed) {
      this.#refusal = typed.fault;
      this.#changed();
      return;
    }
    await this.#change(async () => {
      await this.#client.update(this.#bytes, arrayFromBytes(typed.bytes), {
        ifRevision: draft.revision,
        ignoreLease: true,
      });
      this.#draft = undefined;
    });
  }

  /** After a conflict: goes on with the draft against the version that is there now. */
  keepDraft(): void {
    if (this.#draft === undefined || this.#kv === undefined) return;
    const { modRevision, wireValue } = this.#kv;
    this.#draft = { ...this.#draft, revision: modRevision, before: bytesOf(wireValue) };
    this.#clearRefusal();
    this.#changed();
  }

  askToDelete(): void {
    this.#isAskingToDelete = true;
    this.#clearRefusal();
    this.#changed();
  }

  /** Deletes the key if it is still as it is shown. Never rejects. */
  async delete(): Promise<void> {
    const { modRevision = 0 } = this.#kv ?? {};
    await this.#change(async () => {
      const reply = await this.#client
        .txn()
        .if(compare.modRevision(this.#bytes, '=', modRevision))
        .do(op.delete(this.#bytes))
        .else(op.get(this.#bytes, { keysOnly: true }))
        .commit();
      this.#isAskingToDelete = false;
      if (reply.succeeded) return;
      const now = reply.results[0].kv?.modRevision ?? 0;
      throw new ConflictError(`it was written at revision ${now}, not ${modRevision}`, now);
    });
  }

  close(): void {
    this.#stop.abort();
  }

  async #change(make: () => Promise<void>): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#clearRefusal();
    this.#changed();
    try {
      await make();
    } catch (error) {
      if (error instanceof ConflictError) this.#conflict = error;
      else this.#refusal = failureText(error);
    }
    this.#isBusy = false;
    this.#changed();
  }

  #clearRefusal(): void {
    this.#refusal = undefined;
    this.#conflict = undefined;
  }

  /** A watch of its own, so that the key is followed wherever the list is. */
  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const watch = this.#client.watch({
          key: this.#bytes,
          initial: true,
          onCompaction: 'relist',
          progressNotify: true,
          signal,
        });
        for await (const item of watch.items()) {
          if (item.type === 'events') for (const event of item.events) this.#take(event);
          else if (item.type === 'synced' && this.#state === 'reading') this.#state = 'absent';
          this.#fault = undefined;
          this.#changed();
        }
      } catch (error) {
        if (signal.aborted) return;
        this.#fault = failureText(error);
        this.#changed();
        await pause(retryMs, signal);
      }
    }
  }

  #take({ type, kv }: WatchEvent): void {
    if (type === 'delete') {
      this.#state = 'absent';
      this.#deletedAt = kv.modRevision;
      return;
    }
    const before = this.#kv;
    // One that a connection's end had hidden is missing here, and is read with the older ones.
    if (before !== undefined && before.version + 1 === kv.version) this.history.replaced(before);
    this.#kv = kv;
    this.#state = 'present';
    this.#deletedAt = undefined;
  }
}

function textOf({ before, form }: Draft): string | undefined {
  const shown = show(before, form);
  return 'text' in shown ? shown.text : undefined;
}
