import type { MemberInfo, StatusResult } from '@lockstep/client';
import { html, nothing, type TemplateResult } from 'lit-html';
import type { ClusterBoard } from '../cluster-board.ts';
import type { Console } from '../console.ts';
import { bytesText, countText } from '../wording.ts';

/** The members of the cluster, and all that the member of this page says of itself. */
export function membersPanel(console: Console): TemplateResult {
  const { cluster } = console;
  const { status, members, fault } = cluster;
  return html`
    <section class="panel wide" aria-label="Members">
      <div class="bar"><h2>Members</h2></div>
      ${fault === undefined ? nothing : html`<p class="fault">${fault}</p>`}
      <ul class="cards" data-rows>${members.map((member) => card(member, cluster))}</ul>
      ${status === undefined ? html`<p class="quiet">Reading…</p>` : own(status)}
    </section>`;
}

function card(member: MemberInfo, { status, leader }: ClusterBoard): TemplateResult {
  const isOwn = member.memberId === status?.header.memberId;
  const isLeader = member.memberId === leader?.memberId;
  const role = isLeader ? 'leader' : member.isLearner ? 'learner' : 'follower';
  const alarms = status?.alarms.filter(({ memberId }) => memberId === member.memberId) ?? [];
  const url = addressOf(member);
  return html`
    <li class="card">
      <div class="bar">
        <h3>${member.name}${isOwn ? html` <span class="quiet">this member</span>` : nothing}</h3>
        <span class="tag ${role}">${role}</span>
      </div>
      <dl class="pairs">
        <dt>Clients</dt>
        <dd>${isOwn || url === undefined ? member.clientAddress || 'not started yet' : html`<a data-row href=${url} rel="noreferrer">${member.clientAddress}</a>`}</dd>
        <dt>Peers</dt><dd>${member.peerAddress}</dd>
        <dt>Id</dt><dd>${member.memberId}</dd>
        <dt>Alarms</dt><dd>${alarms.length === 0 ? 'none' : alarms.map(({ alarm }) => alarm).join(', ')}</dd>
      </dl>
      ${isOwn || url === undefined ? nothing : html`<p class="quiet">Its own console says more.</p>`}
    </li>`;
}

/** Another member's console: undefined for what is no address, so that nothing else becomes a link. */
function addressOf({ clientAddress }: MemberInfo): string | undefined {
  const isAddress = /^(\[[0-9a-f:.]+\]|[\w.-]+):\d+$/i.test(clientAddress);
  return isAddress ? `${location.protocol}//${clientAddress}/` : undefined;
}

function own(status: StatusResult): TemplateResult {
  const row = (name: string, text: string | TemplateResult) =>
    html`<dt>${name}</dt><dd>${text}</dd>`;
  const { stateBytes, quotaBytes, liveBytes } = status;
  return html`
    <div class="bar"><h2>${status.name} <span class="quiet">in detail, every two seconds</span></h2></div>
    <div class="card">
      <dl class="pairs columns">
        ${row('Version', status.version)}
        ${row('Cluster version', String(status.clusterVersion ?? 1))}
        ${row('Role', status.isLeader ? 'leader' : status.isLearner ? 'learner' : 'follower')}
        ${row('Term', countText(status.raftTerm))}
        ${row('Revision', countText(status.header.revision))}
        ${row('Compacted', status.compactRevision <= 0 ? 'nothing yet' : `below ${countText(status.compactRevision)}`)}
        ${row('Log index', countText(status.raftIndex))}
        ${row('Committed', countText(status.committedIndex))}
        ${row('Applied', countText(status.appliedIndex))}
        ${row('Keys', countText(status.keys))}
        ${row('Leases', countText(status.leases))}
        ${row('Watches', countText(status.watchers))}
        ${row('Newest versions', bytesText(liveBytes))}
        ${row('History', bytesText(Math.max(0, stateBytes - liveBytes)))}
        ${row('State', `${bytesText(stateBytes)} of ${bytesText(quotaBytes)}`)}
      </dl>
      <meter min="0" max=${quotaBytes} high=${quotaBytes * 0.8} .value=${stateBytes} aria-label="State of the quota"></meter>
    </div>`;
}
