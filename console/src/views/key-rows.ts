import type { ByteString } from '@lockstep/client/protocol';
import { html, nothing, type TemplateResult } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import type { Console } from '../console.ts';
import { focusList, isNarrow } from '../keyboard.ts';
import { countOf, countText, keyText } from '../wording.ts';

/** As the style sheet has it, in pixels. */
const rowHeight = 26;
/** Rows drawn beyond each edge of what is seen. */
const margin = 10;
const typingMs = 200;

let firstRow = 0;
let rowsSeen = 40;
let typing: ReturnType<typeof setTimeout> | undefined;
/** What is typed and not followed yet; called, it is. */
let pending: (() => void) | undefined;

/** The list of keys. Only the rows in sight are drawn, so its length costs nothing. */
export function keyListPanel(console: Console): TemplateResult {
  const { feed } = console;
  return html`
    <section class="panel keys" aria-label="Keys">
      <div class="bar" role="search">
        <label for="prefix" class="hidden">Prefix</label>
        <input id="prefix" type="text" placeholder="prefix, as config/" autocomplete="off" autocapitalize="off"
          spellcheck="false" aria-describedby="key-count" aria-keyshortcuts="/"
          @input=${(event: InputEvent) => typed(event, console)} @keydown=${onPrefixKey}>
        <button class="primary" @click=${() => {
          pending?.();
          console.create();
          focusSoon('new-key');
        }}>New key</button>
      </div>
      <p class="count" id="key-count">${countLine(console)}</p>
      ${feed.fault === undefined ? nothing : html`<p class="fault">${feed.fault}</p>`}
      ${rows(console)}
    </section>`;
}

function rows(console: Console): TemplateResult {
  const { list, prefix, isLive } = console.feed;
  const { keys } = list;
  const begin = Math.max(0, Math.min(firstRow, keys.length - rowsSeen) - margin);
  const shown = keys.slice(begin, begin + rowsSeen + 2 * margin);
  const active = list.indexOf(console.activeKey);
  const isDrawn = active >= begin && active < begin + shown.length;
  const dim = keyText(prefix as ByteString).length;
  return html`
    <div id="key-rows" class="rows" role="listbox" tabindex="0" aria-label="Keys"
      aria-activedescendant=${isDrawn ? `key-${active}` : nothing}
      @scroll=${(event: Event) => scrolled(event, console)}
      @keydown=${(event: KeyboardEvent) => onListKey(event, console)}>
      ${
        keys.length === 0 && isLive
          ? html`<p class="empty">${prefix === '' ? 'There are no keys yet.' : 'No key begins like this.'}</p>`
          : nothing
      }
      <div class="canvas" role="presentation" .style=${`height:${keys.length * rowHeight}px`}>
        <div role="presentation" .style=${`transform:translateY(${begin * rowHeight}px)`}>
          ${repeat(
            shown,
            (key) => key,
            (key, at) => {
              const text = keyText(key);
              const isDimmed = prefix !== '' && key.startsWith(prefix);
              return html`
                <div class="row ${begin + at === active ? 'active' : ''}" id="key-${begin + at}" role="option"
                  aria-selected=${console.open?.key === key} aria-posinset=${begin + at + 1}
                  aria-setsize=${keys.length} title=${text}
                  @click=${() => console.openKey(key)}
                  >${isDimmed ? html`<span class="quiet">${text.slice(0, dim)}</span>${text.slice(dim)}` : text}</div>`;
            },
          )}
        </div>
      </div>
    </div>`;
}

function countLine({ feed }: Console): string {
  const { list, isLive } = feed;
  if (!isLive) return `Reading… ${countText(list.keys.length)}`;
  const more =
    list.more === 0 ? '' : `, ${countText(list.more)} more than listed: type a longer prefix`;
  return `${countOf(list.total, 'key')}${more}`;
}

/** Follows what is typed, once the typing pauses. */
function typed(event: InputEvent, console: Console): void {
  clearTimeout(typing);
  const { value } = event.target as HTMLInputElement;
  pending = () => {
    clearTimeout(typing);
    pending = undefined;
    firstRow = 0;
    const box = document.getElementById('key-rows');
    if (box !== null) box.scrollTop = 0;
    console.activeKey = undefined;
    console.feed.follow(value);
  };
  typing = setTimeout(pending, typingMs);
}

function onPrefixKey(event: KeyboardEvent): void {
  if (event.key !== 'ArrowDown' && event.key !== 'Enter') return;
  event.preventDefault();
  focusList();
}

function scrolled(event: Event, console: Console): void {
  const box = event.currentTarget as HTMLElement;
  firstRow = Math.floor(box.scrollTop / rowHeight);
  rowsSeen = Math.ceil(box.clientHeight / rowHeight) + 1;
  console.redraw();
}

function onListKey(event: KeyboardEvent, console: Console): void {
  const { keys } = console.feed.list;
  const box = event.currentTarget as HTMLElement;
  const perPage = Math.max(1, Math.floor(box.clientHeight / rowHeight) - 1);
  const active = console.feed.list.indexOf(console.activeKey);
  const last = keys.length - 1;
  const targets: Readonly<Record<string, number>> = {
    ArrowDown: active + 1,
    ArrowUp: active < 0 ? last : active - 1,
    PageDown: active + perPage,
    PageUp: active - perPage,
    Home: 0,
    End: last,
  };
  const target = targets[event.key];
  const key = keys[Math.max(0, Math.min(last, target ?? active))];
  if (key === undefined) return;
  if (target !== undefined) {
    event.preventDefault();
    const at = Math.max(0, Math.min(last, target));
    bringIntoView(box, at);
    console.activeKey = key;
    // Where key and list share one column, opening would hide the list under one's fingers.
    if (isNarrow()) console.redraw();
    else console.openKey(key);
  } else if ((event.key === 'Enter' || event.key === ' ') && active >= 0) {
    event.preventDefault();
    console.openKey(key);
    focusSoon('key-title');
  }
}

function bringIntoView(box: HTMLElement, at: number): void {
  const top = at * rowHeight;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top + rowHeight > box.scrollTop + box.clientHeight) {
    box.scrollTop = top + rowHeight - box.clientHeight;
  }
}

/** After the next frame, when what is to have the focus is drawn. */
export function focusSoon(id: string): void {
  requestAnimationFrame(() => requestAnimationFrame(() => document.getElementById(id)?.focus()));
}
