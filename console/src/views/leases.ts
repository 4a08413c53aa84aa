import { html, nothing, type TemplateResult } from 'lit-html';
import type { Console } from '../console.ts';
import { leasesShown, type ShownLease } from '../lease-board.ts';
import { countOf, countText, keyText, secondsText } from '../wording.ts';
import { focusSoon } from './key-rows.ts';
import { fault } from './value-box.ts';

const keysShown = 8;

/** All leases, with what is left of them and what hangs on them. */
export function leasesPanel(console: Console): TemplateResult {
  const { leases, total, fault: failure } = console.leases;
  return html`
    <section class="panel wide" aria-label="Leases">
      <div class="bar"><h2>Leases</h2></div>
      <p class="count">
        ${leases === undefined ? 'Reading…' : countOf(total, 'lease')}${total > leasesShown ? `, ${countText(total - leasesShown)} more than listed` : nothing}
      </p>
      ${failure === undefined ? nothing : html`<p class="fault">${failure}</p>`}
      ${leases?.length === 0 ? html`<p class="empty">No leases. A session or <code>lockstep lease grant</code> makes one.</p>` : nothing}
      <ul class="cards" data-rows>${leases?.map((lease, at) => card(console, lease, at))}</ul>
    </section>`;
}

function card(console: Console, lease: ShownLease, at: number): TemplateResult {
  const { id, keys, grantedSeconds, endsAt } = lease;
  const left = Math.max(0, (endsAt - performance.now()) / 1000);
  const isAsked = console.leases.asked === id;
  return html`
    <li class="card">
      <div class="bar">
        <h3 class="mono">${id}</h3>
        ${
          isAsked
            ? nothing
            : html`<button class="danger" data-row tabindex=${at === 0 ? 0 : -1} aria-label="Revoke lease ${id}"
              @click=${() => {
                console.leases.ask(id);
                focusSoon('revoke-no');
              }}>Revoke…</button>`
        }
      </div>
      <p><strong class="left">${secondsText(left)}</strong> <span class="quiet">left of ${secondsText(grantedSeconds)}</span></p>
      <meter min="0" max=${grantedSeconds} .value=${Math.min(left, grantedSeconds)} aria-label="Time left"></meter>
      ${isAsked ? question(console, lease) : nothing}
      <p class="keys-of">
        ${keys.length === 0 ? html`<span class="quiet">no keys</span>` : nothing}
        ${keys
          .slice(0, keysShown)
          .map(
            (key) =>
              html`<button class="link mono" @click=${() => console.openKey(key)}>${keyText(key)}</button>`,
          )}
        ${keys.length > keysShown ? html`<span class="quiet">${countText(keys.length - keysShown)} more</span>` : nothing}
      </p>
    </li>`;
}

function question(console: Console, { id, keys }: ShownLease): TemplateResult {
  return html`
    <div class="notice" role="group" aria-label="Revoke lease ${id}?">
      <strong>Revoke this lease?</strong>
      ${keys.length === 0 ? 'No key hangs on it.' : `${countOf(keys.length, 'key')} will be deleted with it.`}
      <button id="revoke-yes" class="danger" @click=${() => console.leases.revoke().catch(() => {})}>Revoke</button>
      <button id="revoke-no" @click=${() => console.leases.ask(undefined)}>Keep it</button>
      ${fault('revoke-fault', console.leases.revokeFault)}
    </div>`;
}
