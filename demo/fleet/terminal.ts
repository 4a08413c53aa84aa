const codes = { red: 31, green: 32, yellow: 33, blue: 34, dim: 2, bold: 1 } as const;
/** A line that wraps would be erased by half only. */
const columnsMin = 64;
export type Paint = keyof typeof codes;

/** Writes lines that stay and, on a real terminal, a picture below them that is drawn anew each time. */
export class Terminal {
  /** False when the output is a file, a pipe, or too narrow for the picture: then there are lines only. */
  readonly isLive: boolean;
  readonly #out: NodeJS.WriteStream;
  #picture: readonly string[] = [];

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
    this.isLive = out.isTTY && out.columns >= columnsMin && process.env.TERM !== 'dumb';
  }

  /** A line that stays. */
  say(line: string): void {
    this.#erase();
    this.#out.write(`${line}\n`);
    this.#write();
  }

  draw(picture: readonly string[]): void {
    if (!this.isLive) return;
    this.#erase();
    this.#picture = picture;
    this.#write();
  }

  /** Removes the picture. */
  clear(): void {
    this.#erase();
    this.#picture = [];
  }

  paint(text: string, paint: Paint): string {
    if (!this.isLive || process.env.NO_COLOR) return text;
    return `\u001b[${codes[paint]}m${text}\u001b[0m`;
  }

  #erase(): void {
    if (this.#picture.length > 0) this.#out.write(`\u001b[${this.#picture.length}A\u001b[J`);
  }

  #write(): void {
    if (this.#picture.length > 0) this.#out.write(`${this.#picture.join('\n')}\n`);
  }
}
