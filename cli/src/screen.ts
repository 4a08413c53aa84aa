import type { Io } from './io.ts';

const rowsDefault = 24;

/** A terminal that is drawn again and again; what was on it before is there again afterwards, with the last picture below. */
export class Screen {
  readonly #io: Io;
  #last: readonly string[] | undefined;

  constructor(io: Io) {
    this.#io = io;
  }

  draw(lines: readonly string[]): void {
    const { stdout } = this.#io;
    // A terminal that is slower than the news gets the newest when it has taken what was written.
    if (stdout.writableNeedDrain) return;
    const begin = this.#last === undefined ? '\x1b[?1049h\x1b[?25l' : '';
    this.#last = lines;
    const { rows = rowsDefault, columns = 80 } = stdout;
    const fits = lines.length < rows;
    const shown = fits ? lines : lines.slice(0, Math.max(rows - 2, 1));
    const rest = fits ? [] : [`… and ${lines.length - shown.length} more lines`];
    const text = [...shown, ...rest].map((line) => `${cut(line, columns)}\x1b[K`).join('\r\n');
    stdout.write(`${begin}\x1b[H${text}\x1b[J`);
  }

  close(): void {
    if (this.#last === undefined) return;
    this.#io.stdout.write(`\x1b[?25h\x1b[?1049l${this.#last.join('\n')}\n`);
  }
}

/** So many characters, not counting what colours them. */
function cut(line: string, columns: number): string {
  let room = columns;
  let text = '';
  for (const [part, colour] of line.matchAll(partPattern)) {
    if (colour !== undefined) text += part;
    else if (room > 1 || (room === 1 && text.length + part.length === line.length)) {
      text += part;
      room--;
    } else if (room === 1) {
      text += '…';
      room = 0;
    }
  }
  return text;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours of a terminal begin with one.
const partPattern = /(\x1b\[[\d;]*m)|[\s\S]/gu;
