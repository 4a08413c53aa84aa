import type { Block, GroupStatus, HostStatus } from '@lockstep/reboot-coordinator/policy';
import { html, nothing, type TemplateResult } from 'lit-html';
import { guard } from 'lit-html/directives/guard.js';
import { repeat } from 'lit-html/directives/repeat.js';
import type { Console } from '../console.ts';
import type { FleetBoard } from '../fleet-board.ts';
import {
  type FleetPicture,
  faces,
  type GroupPicture,
  marksOf,
  nameOf,
  type Sign,
  signs,
  signsOf,
} from '../fleet-picture.ts';
import { countOf, countText, momentText, secondsText } from '../wording.ts';
import { moveInGrid } from './fleet-grid.ts';
import { hostDetail } from './fleet-host.ts';

/** Reasons of the whole fleet that are shown; of more only the number. */
const blocksShown = 5;

/** The hosts of the fleet as a grid by group, and one of them in detail. */
export function fleetPanel(console: Console): TemplateResult {
  const { picture, fault, chosen } = console.fleet;
  return html`
    <section class="panel fleet" aria-label="Fleet">
      <div class="bar"><h2>Fleet</h2></div>
      ${fault === undefined ? nothing : html`<p class="fault">${fault}</p>`}
      ${
        picture !== undefined
          ? isEmpty(picture)
            ? beginning()
            : board(console.fleet, picture)
          : fault === undefined
            ? html`<p class="quiet" role="status">Reading…</p>`
            : nothing
      }
    </section>
    ${
      picture === undefined || isEmpty(picture)
        ? nothing
        : html`
          <section class="panel host ${chosen === undefined ? 'none' : ''}" aria-label="Host">
            ${chosen === undefined ? hints() : hostDetail(console, picture, chosen)}
          </section>`
    }`;
}

function isEmpty({ groups, status }: FleetPicture): boolean {
  return groups.length === 0 && status.blocks.length === 0;
}

function beginning(): TemplateResult {
  return html`
    <div class="empty">
      <p>No hosts are registered for coordinated reboots.</p>
      <p>Declare a group, then start the agent on each of its hosts:</p>
      <pre>lockstep reboot groups set web --limit 1
lockstep reboot agent --group web</pre>
    </div>`;
}

function hints(): TemplateResult {
  return html`
    <div class="empty">
      <p>Choose a host to see where it stands, and why it waits.</p>
      <p class="quiet">
        <kbd>←</kbd> <kbd>→</kbd> <kbd>↑</kbd> <kbd>↓</kbd> move &ensp; <kbd>PgUp</kbd> <kbd>PgDn</kbd> group &ensp;
        <kbd>Esc</kbd> close
      </p>
    </div>`;
}

function board(fleet: FleetBoard, picture: FleetPicture): TemplateResult {
  const { blocks } = picture.status;
  const only = fleet.only;
  const isShown = (host: HostStatus) => only === undefined || signsOf(host).includes(only);
  let room = fleet.cellsMax;
  const groups = picture.groups.map(({ status, hosts }) => {
    const shown = only === undefined ? hosts : hosts.filter(isShown);
    const drawn = shown.slice(0, Math.max(0, room));
    room -= shown.length;
    return { status, hosts: drawn };
  });
  if (room < 0) fleet.drawMore();
  const active = fleet.active === undefined ? undefined : picture.hosts.get(fleet.active);
  // One cell is in the order of tabs, and from there the arrow keys move.
  const tabbed =
    active !== undefined && isShown(active)
      ? active.id
      : groups.find(({ hosts }) => hosts.length > 0)?.hosts[0]?.id;
  const choose = (event: Event) => {
    const cell = event.target instanceof Element ? event.target.closest('[data-host]') : null;
    if (!(cell instanceof HTMLElement)) return;
    fleet.choose(cell.dataset.host);
    // The details may have taken the room that the cell stood in.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => cell.scrollIntoView({ block: 'nearest' })),
    );
  };
  return html`
    ${blocks.slice(0, blocksShown).map(({ message }) => html`<p class="notice">Nothing is granted: ${message}</p>`)}
    ${blocks.length > blocksShown ? html`<p class="quiet">${countText(blocks.length - blocksShown)} more reasons</p>` : nothing}
    ${legend(fleet, picture)}
    <div class="groups" @focusin=${choose} @click=${choose} @keydown=${moveInGrid}>
      ${repeat(
        groups,
        ({ status }) => status.name,
        (group) => groupSection(group, { tabbed, chosen: fleet.chosen, now: picture.status.at }),
      )}
    </div>`;
}

/** What the signs mean and how many have each; pressed, only those are shown. */
function legend(fleet: FleetBoard, { counts, hosts }: FleetPicture): TemplateResult {
  const button = (sign: Sign) => {
    const { symbol, word } = faces[sign];
    return html`
      <button class="sign-of ${sign}" aria-pressed=${fleet.only === sign}
        @click=${() => fleet.showOnly(fleet.only === sign ? undefined : sign)}
        ><span class="sign" aria-hidden="true">${symbol}</span>${word}
        <span class="number">${countText(counts.get(sign) ?? 0)}</span></button>`;
  };
  return html`
    <div class="legend" role="group" aria-label="Show only">
      <span class="quiet">${countOf(hosts.size, 'host')}</span>
      ${signs.filter((sign) => counts.has(sign) || fleet.only === sign).map(button)}
    </div>`;
}

interface Shown {
  readonly tabbed: string | undefined;
  readonly chosen: string | undefined;
  readonly now: number;
}

function groupSection({ status, hosts }: GroupPicture, shown: Shown): TemplateResult {
  const { name, taken, slots, waiting } = status;
  return html`
    <section class="group" aria-label="Group ${name}">
      <div class="group-head">
        <h3>${name}</h3>
        <span><strong>${countText(taken)}</strong> of ${countOf(slots, 'slot')} taken</span>
        <span><strong>${countText(waiting)}</strong> waiting</span>
        <span class="quiet">${countOf(status.hosts, 'host')}</span>
        ${groupTags(status)}
      </div>
      ${status.blocks.filter(isWorthASentence).map(({ message }) => html`<p class="quiet">${message}</p>`)}
      <ul class="cells">
        ${repeat(
          hosts,
          ({ id }) => id,
          (host) => cell(host, shown),
        )}
      </ul>
    </section>`;
}

/** Those that somebody has to do something about. */
function isWorthASentence({ kind }: Block): boolean {
  return kind === 'breaker_open' || kind === 'undeclared_group' || kind === 'clock';
}

function groupTags({ blocks, isBreakerOpen, paused }: GroupStatus): TemplateResult {
  const tag = (kind: string, text: string, title: string) =>
    html`<span class="tag ${kind}" title=${title}>${text}</span>`;
  const window = blocks.find(({ kind }) => kind === 'window_closed');
  const undeclared = blocks.find(({ kind }) => kind === 'undeclared_group');
  return html`
    ${undeclared === undefined ? nothing : tag('bad', 'not declared', undeclared.message)}
    ${isBreakerOpen ? tag('bad', 'breaker open', '') : nothing}
    ${paused === undefined ? nothing : tag('warn', `paused by ${paused.by}${paused.reason === '' ? '' : `: ${paused.reason}`}`, momentText(paused.at))}
    ${window === undefined ? nothing : tag('warn', window.until === undefined ? 'window never opens' : `window closed until ${momentText(window.until)}`, window.message)}`;
}

/** Drawn anew only when something of it has changed, since of thousands few do at a time. */
function cell(host: HostStatus, { tabbed, chosen, now }: Shown): unknown {
  const { id, state, version, since, isAlive, paused, isQuarantined } = host;
  const name = nameOf(host);
  const isTabbed = id === tabbed;
  const isChosen = id === chosen;
  const time = secondsText((now - since) / 1000);
  const seen = [state, name, version, time, isAlive, paused, isQuarantined, isTabbed, isChosen];
  return guard(
    seen,
    () => html`
      <li>
        <button class="cell ${state} ${isAlive ? '' : 'not-there'}" data-host=${id} tabindex=${isTabbed ? 0 : -1}
          aria-current=${isChosen}>
          <span class="sign" aria-hidden="true">${faces[state].symbol}</span>
          <span class="name cut">${name}</span>
          <span class="doing cut">${faces[state].word} <span class="since">${time}</span></span>
          <span class="version cut">${version ?? '–'}</span>
          ${markLines(host)}
        </button>
      </li>`,
  );
}

function markLines(host: HostStatus): TemplateResult | typeof nothing {
  const found = marksOf(host);
  if (found.length === 0) return nothing;
  const line = (mark: Sign) => html`
    <span class="mark ${mark}"><span class="sign" aria-hidden="true">${faces[mark].symbol}</span>${faces[mark].word}</span>`;
  return html`<span class="marks">${found.map(line)}</span>`;
}
