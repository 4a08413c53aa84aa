import type { Console } from './console.ts';

/** What keys do wherever the focus is; a list of rows and the list of keys have more of their own. */
export function handleKeys(event: KeyboardEvent, console: Console): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const at = event.target instanceof HTMLElement ? event.target : undefined;
  if (event.key === '/' && !isTyping(at)) {
    event.preventDefault();
    if (console.view !== 'keys') location.hash = '#keys';
    // The list may be hidden behind a key on a narrow screen.
    if (isNarrow()) console.closeKey();
    requestAnimationFrame(() => requestAnimationFrame(focusPrefix));
  } else if (event.key === 'Escape') closeInnermost(at, console);
  else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    if (moveInRows(at, event.key === 'ArrowDown' ? 1 : -1)) event.preventDefault();
  }
}

function isTyping(at: HTMLElement | undefined): boolean {
  return at !== undefined && /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName);
}

/** Whether the list and an open key share one column. */
export function isNarrow(): boolean {
  return matchMedia('(max-width: 719px)').matches;
}

export function focusPrefix(): void {
  const input = document.getElementById('prefix');
  if (input instanceof HTMLInputElement) {
    input.focus();
    input.select();
  }
}

export function focusList(): void {
  document.getElementById('key-rows')?.focus();
}

/** The innermost thing that is open is closed; what was typed and not saved stays. */
function closeInnermost(at: HTMLElement | undefined, console: Console): void {
  const { open, creating, leases, fleet } = console;
  if (at?.id === 'prefix') at.blur();
  else if (console.view === 'fleet') fleet.choose(undefined);
  else if (leases.asked !== undefined) leases.ask(undefined);
  else if (open?.isAskingToDelete) open.cancel();
  else if (open?.draft !== undefined) {
    if (!open.isDirty) open.cancel();
  } else if (open?.shownVersion !== undefined) open.showVersion(undefined);
  else if (open !== undefined || creating?.text === '') {
    console.closeKey();
    requestAnimationFrame(() => requestAnimationFrame(focusList));
  }
}

/** Moves the focus to the row before or after, within what says `data-rows`. */
function moveInRows(at: HTMLElement | undefined, by: number): boolean {
  const rows = at?.closest('[data-rows]')?.querySelectorAll<HTMLElement>('[data-row]');
  if (at === undefined || rows === undefined) return false;
  const all = [...rows];
  const index = all.indexOf(at);
  if (index < 0) return false;
  all[Math.max(0, Math.min(all.length - 1, index + by))]?.focus();
  return true;
}
