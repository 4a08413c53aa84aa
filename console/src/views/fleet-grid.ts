/** Arrow keys in the grid of cells, which has as many columns as there is room for. */
export function moveInGrid(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.target instanceof Element)) return;
  const from = event.target.closest<HTMLElement>('[data-host]');
  if (from === null || !(event.currentTarget instanceof Element)) return;
  const cells = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-host]')];
  const target = targetOf(event.key, cells, from);
  if (target === undefined) return;
  event.preventDefault();
  target.focus();
}

/** The cell that a key goes to; undefined for a key that is none of the grid's. */
function targetOf(
  key: string,
  cells: readonly HTMLElement[],
  from: HTMLElement,
): HTMLElement | undefined {
  const at = cells.indexOf(from);
  switch (key) {
    case 'ArrowRight':
      return cells[at + 1] ?? from;
    case 'ArrowLeft':
      return cells[at - 1] ?? from;
    case 'ArrowDown':
      return inNextRow(cells.slice(at + 1), from);
    case 'ArrowUp':
      return inNextRow(cells.slice(0, at).reverse(), from);
    case 'PageDown':
      return cells.slice(at + 1).find((cell) => groupOf(cell) !== groupOf(from)) ?? cells.at(-1);
    case 'PageUp':
      return firstOfGroupBefore(cells, at, from);
    case 'Home':
      return cells[0];
    case 'End':
      return cells.at(-1);
    default:
      return undefined;
  }
}

/** Of the first row that the cells ahead begin, the one that is nearest to straight above or below. */
function inNextRow(ahead: readonly HTMLElement[], from: HTMLElement): HTMLElement {
  const { top, left } = from.getBoundingClientRect();
  let row: number | undefined;
  let best = from;
  let bestAway = Number.POSITIVE_INFINITY;
  for (const cell of ahead) {
    const box = cell.getBoundingClientRect();
    if (box.top === top) continue;
    row ??= box.top;
    if (box.top !== row) break;
    const away = Math.abs(box.left - left);
    if (away < bestAway) [best, bestAway] = [cell, away];
  }
  return best;
}

function firstOfGroupBefore(
  cells: readonly HTMLElement[],
  at: number,
  from: HTMLElement,
): HTMLElement | undefined {
  const before = cells.slice(0, at).findLast((cell) => groupOf(cell) !== groupOf(from));
  const group = groupOf(before ?? from);
  return cells.find((cell) => groupOf(cell) === group);
}

function groupOf(cell: HTMLElement): Element | null {
  return cell.closest('.cells');
}
