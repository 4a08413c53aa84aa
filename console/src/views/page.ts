import { html, nothing, type TemplateResult } from 'lit-html';
import type { Console, View } from '../console.ts';
import { bytesText, clockText, countText, failureText } from '../wording.ts';
import { eventsPanel } from './events.ts';
import { fleetPanel } from './fleet.ts';
import { keyDetail } from './key-detail.ts';
import { keyListPanel } from './key-rows.ts';
import { leasesPanel } from './leases.ts';
import { membersPanel } from './members.ts';
import { newKeyForm } from './new-key-form.ts';

/** The whole page. */
export function page(console: Console): TemplateResult {
  const { view, open, creating } = console;
  const isOpen = open !== undefined || creating !== undefined;
  return html`
    ${header(console)}
    ${notices(console)}
    <main class="view-${view} ${isOpen ? 'has-open' : ''}">
      ${
        view === 'keys'
          ? html`
            ${keyListPanel(console)}
            <section class="panel detail" aria-label="Key">
              ${
                creating !== undefined
                  ? newKeyForm(console, creating)
                  : open !== undefined
                    ? keyDetail(console, open)
                    : hints()
              }
            </section>`
          : nothing
      }
      ${view === 'keys' || view === 'events' ? eventsPanel(console) : nothing}
      ${view === 'leases' ? leasesPanel(console) : nothing}
      ${view === 'fleet' ? fleetPanel(console) : nothing}
      ${view === 'members' ? membersPanel(console) : nothing}
    </main>`;
}

const titles: Readonly<Record<View, string>> = {
  keys: 'Keys',
  events: 'Events',
  leases: 'Leases',
  fleet: 'Fleet',
  members: 'Members',
};

function header(console: Console): TemplateResult {
  const { status, leader } = console.cluster;
  const link = (view: View) => html`
    <a href="#${view}" aria-current=${console.view === view ? 'page' : 'false'}>${titles[view]}</a>`;
  return html`
    <header>
      <h1><img src="/console.svg" alt="" width="20" height="20">Lockstep</h1>
      <nav aria-label="Views">${link('keys')}${link('events')}${link('leases')}${link('fleet')}${link('members')}</nav>
      <dl class="facts">
        ${fact('member', status?.name)}
        ${fact('leader', status === undefined ? undefined : (leader?.name ?? 'none'))}
        ${fact('revision', status && countText(Math.max(status.header.revision, console.client.seenRevision)))}
        ${fact('state', status && bytesText(status.stateBytes))}
      </dl>
      ${connection(console)}
    </header>`;
}

function fact(name: string, value: string | undefined): TemplateResult {
  return html`<div><dt>${name}</dt><dd>${value ?? '–'}</dd></div>`;
}

function connection(console: Console): TemplateResult {
  const { isConnected, lostAt } = console;
  const word = isConnected ? 'Connected' : lostAt === undefined ? 'Connecting…' : 'Disconnected';
  const kind = isConnected ? 'good' : lostAt === undefined ? 'waiting' : 'bad';
  return html`
    <p id="connection" class="connection ${kind}" role="status" aria-live="polite" title=${location.host}>
      <span class="dot" aria-hidden="true"></span>${word}
    </p>`;
}

/** What is wrong with the connection or the cluster; nothing when nothing is. */
function notices(console: Console): TemplateResult {
  const { isConnected, lostAt, connection, cluster } = console;
  const lines: (string | TemplateResult)[] = [];
  if (!isConnected && lostAt !== undefined) {
    lines.push(html`<strong>Disconnected from this member since ${clockText(lostAt)}.</strong>
      What you see is from then and may be old; the page tries again by itself. ${because(console)}`);
  } else if (!isConnected && connection.reason !== undefined) {
    lines.push(
      html`<strong>The member does not answer.</strong> The page tries again by itself. ${because(console)}`,
    );
  }
  const { status } = cluster;
  if (isConnected && status !== undefined) {
    if (status.leaderId === null) {
      lines.push(
        html`<strong>This member knows no leader.</strong> Until there is one, nothing can be written.`,
      );
    }
    for (const error of status.errors) lines.push(error);
    for (const { memberId, alarm } of status.alarms) {
      const { name } = cluster.members.find((member) => member.memberId === memberId) ?? {};
      lines.push(
        html`<strong>Alarm of member ${name ?? memberId}: ${alarm}.</strong> ${alarmMeanings[alarm]}`,
      );
    }
  }
  return html`<div class="notices" role="status" aria-live="polite">
    ${lines.map((line) => html`<p class="notice">${line}</p>`)}
  </div>`;
}

export const alarmMeanings = {
  nospace: 'The state is at its quota: only reads, deletes and compaction go on.',
  corrupt: 'Its state differs from that of the others, so it does not answer for the store.',
};

/** Why there is no connection, without the address: there is one only, and it is in the bar of the browser. */
function because({ connection: { reason, endpoint } }: Console): TemplateResult | typeof nothing {
  if (reason === undefined) return nothing;
  const start = `${endpoint}: `;
  const text = reason.startsWith(start) ? reason.slice(start.length) : reason;
  return html`<span class="quiet">${failureText(text)}</span>`;
}

function hints(): TemplateResult {
  return html`
    <div class="empty">
      <p>Choose a key to see its value and history.</p>
      <p class="quiet">
        <kbd>/</kbd> prefix &ensp; <kbd>↑</kbd> <kbd>↓</kbd> move &ensp; <kbd>Enter</kbd> open &ensp; <kbd>Esc</kbd> back
      </p>
    </div>`;
}
