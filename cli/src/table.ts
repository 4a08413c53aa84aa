/** Tables that fit the terminal. */
import { coloursOf } from './colours.ts';
import type { Io } from './io.ts';

/** Blanks at both sides of a cell and the line behind it. */
const frameColumns = 3;
/** Below this a cut column says nothing, and the table is turned on its side. */
const cellColumnsMin = 10;

/**
 * A table with a heading. On a terminal, columns that do not fit are cut, with "…" for what is not
 * shown; where that would leave too little of them, each row becomes a table of its own.
 */
export async function table(
  io: Io,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const { bold } = coloursOf(io);
  const draw = (
    cells: readonly (readonly string[])[],
    heading: readonly string[],
    widths: readonly number[] | undefined,
  ): string => {
    const drawn = new Table({
      head: heading.map(bold),
      style: { head: [], border: [] },
      // No lines between rows, except below the heading, which the library cannot tell apart.
      chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
      ...(widths === undefined ? {} : { colWidths: [...widths] }),
    });
    drawn.push(...cells.map((row) => [...row]));
    return `${drawn.toString()}\n`;
  };
  const room = io.stdout.isTTY === true ? io.stdout.columns : undefined;
  if (room === undefined) return draw(rows, head, undefined);
  // What is far too long is not measured, only cut.
  const short = rows.map((row) => row.map((cell) => cell.slice(0, room)));
  const widths = cellWidths([head, ...short], room);
  if (widths !== 'turned') return draw(short, head, widths);
  const turned = short.map((row) => head.map((name, at) => [name, row[at] ?? '']));
  const [name = 0] = naturalWidths(head.map((one) => [one]));
  const value = Math.max(room - name - 2 * frameColumns - 1, 1);
  return turned
    .map((cells) => {
      const natural = naturalWidths(cells)[1] ?? 0;
      const named = cells.map(([first = '', second = '']) => [bold(first), second]);
      return draw(named, [], [name + 2, Math.min(natural, value) + 2]);
    })
    .join('');
}

/**
 * The widths of columns, with the blanks at their sides, in a terminal of so many characters:
 * undefined when all fits as it is; the widest are cut first.
 */
export function cellWidths(
  rows: readonly (readonly string[])[],
  room: number,
): readonly number[] | undefined | 'turned' {
  const natural = naturalWidths(rows);
  let left = room - 1 - frameColumns * natural.length;
  if (sum(natural) <= left) return undefined;
  const widths = natural.map(() => 0);
  const narrowFirst = natural.map((width, at) => ({ width, at })).sort((a, b) => a.width - b.width);
  for (const [taken, { width, at }] of narrowFirst.entries()) {
    const share = Math.floor(left / (natural.length - taken));
    const given = Math.min(width, share);
    if (given < width && given < cellColumnsMin) return 'turned';
    widths[at] = given + 2;
    left -= given;
  }
  return widths;
}

function naturalWidths(rows: readonly (readonly string[])[]): number[] {
  const columns = Math.max(...rows.map((row) => row.length));
  return Array.from({ length: columns }, (_, at) =>
    Math.max(...rows.map((row) => displayWidth(row[at] ?? ''))),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

const none = /^\p{M}$/u;
const double =
  /^(\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}])$/u;

function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    if (none.test(character)) continue;
    width += double.test(character) ? 2 : 1;
  }
  return width;
}
