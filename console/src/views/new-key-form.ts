import { html, type TemplateResult } from 'lit-html';
import type { Console } from '../console.ts';
import type { NewKey } from '../new-key.ts';
import { focusSoon } from './key-rows.ts';
import { fault, formChoice } from './value-box.ts';

/** The form for a key that does not exist yet. */
export function newKeyForm(console: Console, made: NewKey): TemplateResult {
  const send = (event: Event) => {
    event.preventDefault();
    made
      .create()
      .then((key) => {
        if (key === undefined) return;
        console.openKey(key);
        focusSoon('key-title');
      })
      .catch(() => {});
  };
  return html`
    <form @submit=${send}>
      <div class="title">
        <button type="button" class="back" @click=${() => console.closeKey()}>‹ Keys</button>
        <h2>New key</h2>
      </div>
      <p class="field">
        <label for="new-key">Key</label>
        <input id="new-key" type="text" autocomplete="off" autocapitalize="off" spellcheck="false"
          aria-describedby="new-key-fault" .value=${made.key}
          @input=${(event: InputEvent) => {
            made.key = (event.target as HTMLInputElement).value;
          }}>
      </p>
      ${fault('new-key-fault', made.keyFault)}
      <div class="value">
        <div class="bar">
          <h3><label for="new-value">Value</label></h3>
          ${formChoice('new-form', made.form, (form) => {
            made.form = form;
            console.redraw();
          })}
        </div>
        <textarea id="new-value" class="box" rows="10" spellcheck="false" autocomplete="off"
          aria-describedby="new-value-fault" .value=${made.text}
          @input=${(event: InputEvent) => {
            made.text = (event.target as HTMLTextAreaElement).value;
          }}></textarea>
        ${fault('new-value-fault', made.valueFault ?? made.fault)}
      </div>
      <div class="actions">
        <button class="primary" type="submit" ?disabled=${made.isBusy}>${made.isBusy ? 'Creating…' : 'Create'}</button>
        <button type="button" @click=${() => console.closeKey()}>Cancel</button>
        <span class="quiet">a key that exists already is not overwritten</span>
      </div>
    </form>`;
}
