import { html, type TemplateResult } from 'lit-html';
import { type ValueForm, valueForms } from '../value-form.ts';

/** The choice of the form in which a value is shown or typed. */
export function formChoice(
  name: string,
  chosen: ValueForm,
  choose: (form: ValueForm) => void,
): TemplateResult {
  return html`
    <fieldset class="choice">
      <legend class="hidden">Shown as</legend>
      ${valueForms.map(
        ({ form, label }) => html`
          <label><input type="radio" name=${name} value=${form} .checked=${form === chosen}
            @change=${() => choose(form)}><span>${label}</span></label>`,
      )}
    </fieldset>`;
}

/** A sentence beside what it is about, read out when it comes. */
export function fault(id: string, text: string | undefined): TemplateResult {
  return html`<div id=${id} role="alert">${text === undefined ? '' : html`<p class="fault">${text}</p>`}</div>`;
}
