import { html, nothing, type TemplateResult } from 'lit-html';
import type { Console } from '../console.ts';
import type { LoggedEvent } from '../event-log.ts';
import { clockText, countOf, countText, keyText } from '../wording.ts';

/** Rows drawn; the log keeps a few more. */
const drawnMax = 200;

/** What happens to the keys with the prefix, newest first. */
export function eventsPanel(console: Console): TemplateResult {
  const { log, prefix } = console.feed;
  const toggle = () => {
    if (log.isPaused) log.resume();
    else log.pause();
    console.redraw();
  };
  const clear = () => {
    log.clear();
    console.redraw();
  };
  return html`
    <section class="panel events" aria-label="Live events">
      <div class="bar">
        <h2>Events${prefix === '' ? nothing : html` <span class="quiet">of ${prefix}</span>`}</h2>
        <div class="actions">
          <button id="pause" aria-pressed=${log.isPaused} @click=${toggle}>${log.isPaused ? 'Resume' : 'Pause'}</button>
          <button @click=${clear}>Clear</button>
        </div>
      </div>
      <p class="count">
        ${
          log.isPaused
            ? `Paused, ${countOf(log.missedCount, 'event')} since.`
            : log.events.length === 0
              ? ''
              : `The newest ${countText(Math.min(drawnMax, log.events.length))}, newest first.`
        }
      </p>
      ${
        log.events.length === 0
          ? html`<p class="empty">${log.isPaused ? nothing : 'Nothing has happened since this page began to look.'}</p>`
          : html`<ol class="log" data-rows aria-label="Events, newest first">
              ${log.events.slice(0, drawnMax).map((event, at) => row(console, event, at))}
            </ol>`
      }
    </section>`;
}

function row(console: Console, event: LoggedEvent, at: number): TemplateResult {
  const word = event.type === 'delete' ? 'delete' : event.isNew ? 'create' : 'put';
  return html`
    <li>
      <span class="what ${word}">${word}</span>
      <button class="link cut" data-row tabindex=${at === 0 ? 0 : -1} title=${keyText(event.key)}
        @click=${() => console.openKey(event.key)}>${keyText(event.key)}</button>
      <span class="number quiet" title="revision">${countText(event.revision)}</span>
      <span class="quiet time">${clockText(event.at)}</span>
      <span class="cut preview">${event.preview}</span>
    </li>`;
}
