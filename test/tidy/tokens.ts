/** A piece of TypeScript that is neither space nor comment. */
export interface Token {
  readonly kind: 'word' | 'string' | 'sign' | 'regex' | 'number';
  /** A string is without its quotes; a template is one string token per piece of text. */
  readonly text: string;
  /** Counted from 1. */
  readonly line: number;
}

const patterns: readonly (readonly [Token['kind'] | 'space', RegExp])[] = [
  ['space', /(?:\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/|^#![^\n]*)/y],
  ['word', /#?[\p{ID_Start}$_][\p{ID_Continue}$]*/uy],
  ['number', /\.?\d[\w.]*/y],
  ['string', /'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"/y],
  ['regex', /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y],
  ['sign', /[^\s]/uy],
];

/** After these a slash begins a regular expression; after anything else that is a value, it divides. */
const beforeRegex = /^(return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield)$/;

/** The text of a template up to its end or to the next `${`. */
const template = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(`|\$\{)/y;

/**
 * Splits a source file into tokens. It knows comments, strings, templates and regular expressions,
 * so that what stands in those is not taken for code; it checks no syntax.
 *
 * @throws {Error} on a template without an end.
 */
export function tokens(source: string): Token[] {
  const found: Token[] = [];
  /** For each open template the depth of braces at which its text goes on. */
  const templates: number[] = [];
  const lineOf = lineCounter(source);
  let depth = 0;
  let at = 0;
  const add = (kind: Token['kind'], text: string) => {
    found.push({ kind, text, line: lineOf(at) });
  };
  const templateText = () => {
    template.lastIndex = at;
    const [text, end] = template.exec(source) ?? [];
    if (text === undefined) throw new Error('a template has no end');
    add('string', text.slice(0, end === '`' ? -1 : -2));
    at += text.length;
    if (end !== '`') templates.push(depth);
  };
  while (at < source.length) {
    if (source[at] === '`') {
      at++;
      templateText();
    } else if (source[at] === '}' && templates.at(-1) === depth) {
      templates.pop();
      at++;
      templateText();
    } else {
      const [kind, text] = next(source, at, found.at(-1));
      if (text === '{') depth++;
      if (text === '}') depth--;
      if (kind !== 'space') add(kind, kind === 'string' ? text.slice(1, -1) : text);
      at += text.length;
    }
  }
  return found;
}

/** Answers for positions that go up, so that no line is counted twice. */
function lineCounter(source: string): (at: number) => number {
  let line = 1;
  let end = source.indexOf('\n');
  return (at) => {
    for (; end >= 0 && end < at; end = source.indexOf('\n', end + 1)) line++;
    return line;
  };
}

function next(source: string, at: number, last: Token | undefined) {
  for (const [kind, pattern] of patterns) {
    if (kind === 'regex' && !mayBeginRegex(last)) continue;
    pattern.lastIndex = at;
    const text = pattern.exec(source)?.[0];
    if (text !== undefined) return [kind, text] as const;
  }
  throw new Error('every character is at least a sign');
}

function mayBeginRegex(last: Token | undefined): boolean {
  if (last === undefined) return true;
  if (last.kind === 'word') return beforeRegex.test(last.text);
  return last.kind === 'sign' && !/^[)\]}]$/.test(last.text);
}
