import { bytesFromText } from '@lockstep/client/protocol';
import type { Block, HostStatus } from '@lockstep/reboot-coordinator/policy';
import { html, nothing, type TemplateResult } from 'lit-html';
import type { Console } from '../console.ts';
import { type FleetPicture, faces, marksOf, nameOf } from '../fleet-picture.ts';
import { countText, momentText, secondsText } from '../wording.ts';
import { focusSoon } from './key-rows.ts';

/** All that is known of one host, and why it has no slot. */
export function hostDetail(console: Console, picture: FleetPicture, id: string): TemplateResult {
  const host = picture.hosts.get(id);
  const close = html`<button @click=${() => console.fleet.choose(undefined)}>Close</button>`;
  if (host === undefined) {
    return html`
      <div class="title"><h2>${id}</h2><div class="actions">${close}</div></div>
      <p class="notice" role="status">This host is not registered any more.</p>`;
  }
  const { at } = picture.status;
  const key = bytesFromText(console.fleet.keyOf(id));
  const open = () => {
    if (key === undefined) return;
    console.openKey(key);
    focusSoon('key-title');
  };
  return html`
    <div class="title">
      <h2>${nameOf(host)}</h2>
      <div class="actions"><button @click=${open}>Open its record</button>${close}</div>
    </div>
    <p class="standing ${host.state}">
      <span class="sign" aria-hidden="true">${faces[host.state].symbol}</span>
      <strong>${faces[host.state].word}</strong> since ${momentText(host.since)}
      <span class="quiet">${secondsText((at - host.since) / 1000)}</span>
    </p>
    ${marksOf(host).map((mark) => html`<p class="standing ${mark}"><span class="sign" aria-hidden="true">${faces[mark].symbol}</span> ${faces[mark].word}</p>`)}
    ${host.whyNot === undefined ? nothing : whyNot(host.whyNot)}
    <dl class="pairs">${facts(host)}</dl>`;
}

function whyNot(blocks: readonly Block[]): TemplateResult {
  return html`
    <div class="why-not">
      <h3>Why it has no slot yet</h3>
      <ul>${blocks.map(
        ({ message, until }) => html`
        <li>${message}${until === undefined ? nothing : html` <span class="quiet">until ${momentText(until)}</span>`}</li>`,
      )}
      </ul>
    </div>`;
}

function facts(host: HostStatus): readonly (TemplateResult | typeof nothing)[] {
  const { request, grant, failure, paused, loop, position } = host;
  const fact = (name: string, value: string | undefined) =>
    value === undefined || value === '' ? nothing : html`<dt>${name}</dt><dd>${value}</dd>`;
  const moment = (time: number | undefined) => (time === undefined ? undefined : momentText(time));
  return [
    fact('Reason', request?.reason),
    fact('Asked', moment(request?.at)),
    fact('Position', position === undefined ? undefined : `${countText(position)} in its group`),
    fact('Grant', grant?.id),
    fact('Granted', moment(grant?.at)),
    fact('Start by', moment(grant?.startBy)),
    fact('Reboot by', moment(grant?.rebootBy)),
    fact('Overdue in', host.overdueIn),
    fact('Failure', failure && `${failure.reason} (${momentText(failure.at)})`),
    fact('Gave back', request?.gaveBack),
    fact('Paused by', paused && `${paused.by}${paused.reason === '' ? '' : `: ${paused.reason}`}`),
    fact('Reboots', loop && loop.boots > 0 ? `${loop.boots} for ${loop.cause}` : undefined),
    fact('Version', host.version),
    fact('Target', request?.target),
    fact('Group', host.group),
    fact('Zone', host.zone),
    fact('Id', host.id),
    fact('Boot id', host.bootId),
    fact('Speaks by', host.via === 'agent' ? 'agent' : 'FleetLock'),
    fact('Member', host.member),
  ];
}
