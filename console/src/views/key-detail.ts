import type { KeyValue } from '@lockstep/client';
import { html, nothing, type TemplateResult } from 'lit-html';
import type { Console } from '../console.ts';
import type { OpenKey } from '../open-key.ts';
import { show, valueForms } from '../value-form.ts';
import { bytesOf, bytesText, countText, keyText, preview } from '../wording.ts';
import { focusSoon } from './key-rows.ts';
import { fault, formChoice } from './value-box.ts';

/** More text than this makes a page slow, and nobody reads it here. */
const shownCharactersMax = 200_000;

/** One key: its newest version or an earlier one, what can be done with it, and its history. */
export function keyDetail(console: Console, open: OpenKey): TemplateResult {
  const kv = open.shownVersion ?? open.kv;
  return html`
    <div class="title">
      <button class="back" @click=${() => console.closeKey()}>‹ Keys</button>
      <h2 id="key-title" tabindex="-1">${keyText(open.key)}</h2>
      ${open.draft === undefined && !open.isAskingToDelete && open.state === 'present' ? actions(open) : nothing}
    </div>
    ${open.fault === undefined ? nothing : html`<p class="fault">${open.fault}</p>`}
    ${state(open)}
    ${kv === undefined ? nothing : metadata(console, kv)}
    ${open.isAskingToDelete ? deleteQuestion(open) : nothing}
    ${open.draft === undefined ? fault('key-fault', conflictOfDelete(open) ?? open.refusal) : nothing}
    ${open.draft !== undefined ? editor(open) : kv === undefined ? nothing : value(open, kv)}
    ${open.kv === undefined ? nothing : history(open, open.kv)}`;
}

function actions(open: OpenKey): TemplateResult {
  if (open.shownVersion !== undefined) return html``;
  return html`
    <div class="actions">
      <button id="edit" @click=${() => {
        open.edit();
        focusSoon('draft');
      }}>Edit</button>
      <button class="danger" @click=${() => {
        open.askToDelete();
        focusSoon('delete-no');
      }}>Delete…</button>
    </div>`;
}

/** What there is to say about the key being there, and about which version is shown. */
function state(open: OpenKey): TemplateResult | typeof nothing {
  if (open.state === 'reading') return html`<p class="quiet" role="status">Reading…</p>`;
  if (open.shownVersion !== undefined) {
    const version = open.shownVersion;
    return html`
      <p class="notice" role="status">An earlier version, of revision ${countText(version.modRevision)}.
        <button @click=${() => open.showVersion(undefined)}>Back to the newest</button>
        ${
          open.state === 'present'
            ? html`<button @click=${() => {
                open.edit(version);
                focusSoon('draft');
              }}>Edit from this one</button>`
            : nothing
        }
      </p>`;
  }
  if (open.state === 'absent') {
    const when =
      open.deletedAt === undefined
        ? ''
        : ` It was deleted at revision ${countText(open.deletedAt)}.`;
    const last = open.kv === undefined ? '' : ' This is its last version.';
    return html`<p class="notice" role="status"><strong>This key does not exist.</strong>${when}${last}</p>`;
  }
  return nothing;
}

function metadata(console: Console, kv: KeyValue): TemplateResult {
  const item = (name: string, text: string | TemplateResult) =>
    html`<div><dt>${name}</dt><dd>${text}</dd></div>`;
  const lease =
    kv.lease === '0'
      ? 'none'
      : html`<a href="#leases" title="Show the leases" @click=${() => console.show('leases')}>${kv.lease}</a>`;
  return html`
    <dl class="metadata">
      ${item('Mod revision', countText(kv.modRevision))}
      ${item('Create revision', countText(kv.createRevision))}
      ${item('Version', countText(kv.version))}
      ${item('Size', bytesText(bytesOf(kv.wireValue).length))}
      ${item('Lease', lease)}
    </dl>`;
}

function value(open: OpenKey, kv: KeyValue): TemplateResult {
  const bytes = bytesOf(kv.wireValue);
  const shown = show(bytes, open.form);
  const isGone = open.state === 'absent' && open.shownVersion === undefined;
  return html`
    <div class="value ${isGone ? 'gone' : ''}">
      <div class="bar">
        <h3>Value</h3>
        ${formChoice('form', open.form, (form) => open.choose(form))}
      </div>
      ${
        'fault' in shown
          ? html`<p class="quiet box">${shown.fault}</p>`
          : bytes.length === 0
            ? html`<p class="quiet box">The value is empty.</p>`
            : html`<pre id="value" class="box" tabindex="0" aria-label="Value">${shown.text.slice(0, shownCharactersMax)}</pre>`
      }
      ${
        'text' in shown && shown.text.length > shownCharactersMax
          ? html`<p class="quiet">The first ${countText(shownCharactersMax)} of ${countText(shown.text.length)} characters.</p>`
          : nothing
      }
    </div>`;
}

function editor(open: OpenKey): TemplateResult {
  const { draft } = open;
  if (draft === undefined) return html``;
  const form = valueForms.find((one) => one.form === draft.form)?.label ?? '';
  const send = (event: Event) => {
    event.preventDefault();
    save(open);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) send(event);
  };
  return html`
    <form class="value" @submit=${send}>
      <div class="bar">
        <h3><label for="draft">New value</label></h3>
        ${formChoice('draft-form', draft.form, (chosen) => open.chooseDraft(chosen))}
      </div>
      ${overtaken(open)}
      <textarea id="draft" class="box" rows="10" spellcheck="false" autocomplete="off"
        aria-describedby="draft-fault" aria-label="New value, as ${form}"
        .value=${draft.text} @keydown=${onKey}
        @input=${(event: InputEvent) => open.type((event.target as HTMLTextAreaElement).value)}></textarea>
      ${fault('draft-fault', open.refusal)}
      <div class="actions">
        <button class="primary" type="submit" ?disabled=${open.isBusy || open.isOvertaken}
          title="Ctrl+Enter">${open.isBusy ? 'Saving…' : 'Save'}</button>
        <button type="button" @click=${() => {
          open.cancel();
          focusSoon('key-title');
        }}>Cancel</button>
        <span class="quiet">only if revision ${countText(draft.revision)} is still the newest; the lease stays</span>
      </div>
    </form>`;
}

/** Somebody has written the key since the editing began; nothing is overwritten unless one says so. */
function overtaken(open: OpenKey): TemplateResult {
  const { kv, draft, conflict } = open;
  if (draft === undefined || (!open.isOvertaken && conflict === undefined)) {
    return html`<div role="alert"></div>`;
  }
  if (open.state === 'absent') {
    return html`<div role="alert"><p class="notice" id="conflict"><strong>Conflict: this key was deleted while you edited.</strong>
      Nothing was written. To have it again, copy your text and make a new key.</p></div>`;
  }
  const revision = kv?.modRevision ?? 0;
  return html`
    <div role="alert">
      <div class="notice" id="conflict">
        <p><strong>Conflict: this key was written at revision ${countText(Math.max(revision, conflict?.modRevision ?? 0))}
          while you edited.</strong> Nothing of yours was written. There is now:</p>
        <pre class="theirs">${kv === undefined ? '' : preview(bytesOf(kv.wireValue), 400)}</pre>
        <button type="button" @click=${() => open.edit()}>Drop mine, edit this one</button>
        <button type="button" @click=${() => open.keepDraft()}>Keep my text and allow saving over it</button>
      </div>
    </div>`;
}

function save(open: OpenKey): void {
  open
    .save()
    .then(() => {
      if (open.draft === undefined) focusSoon('edit');
    })
    .catch(() => {});
}

function deleteQuestion(open: OpenKey): TemplateResult {
  return html`
    <div class="notice" role="group" aria-label="Delete this key?">
      <strong>Delete this key?</strong> Only as it is now, at revision ${countText(open.kv?.modRevision ?? 0)}.
      <button id="delete-yes" class="danger" ?disabled=${open.isBusy}
        @click=${() => open.delete().catch(() => {})}>Delete</button>
      <button id="delete-no" @click=${() => {
        open.cancel();
        focusSoon('key-title');
      }}>Keep it</button>
    </div>`;
}

function conflictOfDelete({ conflict }: OpenKey): string | undefined {
  if (conflict === undefined) return undefined;
  if (conflict.modRevision === 0) return 'Somebody else has deleted it already.';
  return `Conflict: it was written at revision ${countText(conflict.modRevision)} meanwhile, so it was not deleted. Look at it again.`;
}

function history(open: OpenKey, newest: KeyValue): TemplateResult {
  const { versions, state, end } = open.history;
  const read = () => open.history.read(newest).catch(() => {});
  const row = (kv: KeyValue, at: number) => html`
    <tr class=${kv === open.shownVersion ? 'chosen' : ''}>
      <td class="number"><button class="link" data-row tabindex=${at === 0 ? 0 : -1}
        aria-label="Show revision ${kv.modRevision}"
        @click=${() => open.showVersion(kv)}>${countText(kv.modRevision)}</button></td>
      <td class="number">${countText(kv.version)}</td>
      <td class="number">${bytesText(bytesOf(kv.wireValue).length)}</td>
      <td class="cut">${preview(bytesOf(kv.wireValue))}</td>
    </tr>`;
  return html`
    <div class="history">
      <div class="bar">
        <h3>History</h3>
        ${state === 'closed' ? html`<button @click=${read}>Show earlier versions</button>` : nothing}
      </div>
      ${
        versions.length === 0
          ? nothing
          : html`
            <table data-rows>
              <thead><tr><th class="number">Revision</th><th class="number">Version</th><th class="number">Size</th><th>Value</th></tr></thead>
              <tbody>${versions.map(row)}</tbody>
            </table>`
      }
      <p class="quiet" role="status">
        ${state === 'reading' ? 'Reading…' : (end ?? '')}
        ${state === 'partial' ? html`<button @click=${read}>Earlier versions</button>` : nothing}
      </p>
    </div>`;
}
