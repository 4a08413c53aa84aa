/**
 * Where a text stops being JSON, as an offset in characters; undefined when it is JSON. Runtimes
 * disagree on whether and how their own errors say so. Only texts that failed to parse come here.
 */
export function jsonFault(text: string): number | undefined {
  const scanner = new Scanner(text);
  return scanner.run();
}

const literals = ['true', 'false', 'null'];
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const escaped = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** What may come next: a value, a value or the end of an empty array, a member's name and so on. */
type Expectation = 'value' | 'value or ]' | 'name or }' | 'name' | 'colon' | 'comma';

class Scanner {
  readonly #text: string;
  #at = 0;
  /** The closing brackets that are still due, innermost last. */
  readonly #due: string[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  run(): number | undefined {
    let expected: Expectation = 'value';
    for (;;) {
      this.#skipSpace();
      if (expected === 'comma' && this.#due.length === 0) {
        return this.#at === this.#text.length ? undefined : this.#at;
      }
      const next = this.#token(expected);
      if (next === undefined) return this.#at;
      expected = next;
    }
  }

  /** Consumes one token and says what may follow, or undefined if the token is not allowed here. */
  #token(expected: Expectation): Expectation | undefined {
    const character = this.#text[this.#at];
    if (expected === 'colon') return character === ':' ? this.#step('value') : undefined;
    if (expected === 'comma') {
      if (character === this.#due.at(-1)) return this.#close();
      if (character !== ',') return undefined;
      return this.#step(this.#due.at(-1) === '}' ? 'name' : 'value');
    }
    if (expected === 'name' || expected === 'name or }') {
      if (expected === 'name or }' && character === '}') return this.#close();
      return character === '"' && this.#string() ? 'colon' : undefined;
    }
    if (expected === 'value or ]' && character === ']') return this.#close();
    if (character === '{') return this.#open('}', 'name or }');
    if (character === '[') return this.#open(']', 'value or ]');
    if (character === '"') return this.#string() ? 'comma' : undefined;
    return this.#scalar() ? 'comma' : undefined;
  }

  #step(next: Expectation): Expectation {
    this.#at++;
    return next;
  }

  #open(end: string, next: Expectation): Expectation {
    this.#due.push(end);
    return this.#step(next);
  }

  #close(): Expectation {
    this.#due.pop();
    return this.#step('comma');
  }

  #skipSpace(): void {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? 'x')) this.#at++;
  }

  #scalar(): boolean {
    const literal = literals.find((word) => this.#text.startsWith(word, this.#at));
    if (literal !== undefined) {
      this.#at += literal.length;
      return true;
    }
    return this.#match(number);
  }

  #string(): boolean {
    this.#at++;
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x22) {
        this.#at++;
        return true;
      }
      // NaN (the end of the text) fails this comparison too.
      if (!(code >= 0x20)) return false;
      if (code !== 0x5c) this.#at++;
      else if (!this.#match(escaped)) return false;
    }
  }

  #match(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) return false;
    this.#at = pattern.lastIndex;
    return true;
  }
}
