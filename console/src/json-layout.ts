/**
 * JSON laid out anew without being read into values: numbers keep all their digits and doubled names stay,
 * which JSON.parse would lose in silence.
 */

/** True for text that is JSON. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** What is wrong with text that should be JSON; undefined when nothing is. */
export function jsonFault(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `This is not JSON: ${why}.`;
  }
}

/** Without the white space between tokens. @param json text that {@link isJson}. */
export function compactJson(json: string): string {
  return tokensOf(json).join('');
}

/** One member or element a line. @param json text that {@link isJson}. */
export function indentJson(json: string): string {
  let out = '';
  let depth = 0;
  let previous = '';
  const breakLine = () => `\n${'  '.repeat(depth)}`;
  for (const token of tokensOf(json)) {
    const closes = token === '}' || token === ']';
    const wasOpening = previous === '{' || previous === '[';
    if (closes) depth--;
    if (closes ? !wasOpening : wasOpening || previous === ',') out += breakLine();
    out += token === ':' ? ': ' : token;
    if (token === '{' || token === '[') depth++;
    previous = token;
  }
  return out;
}

function tokensOf(json: string): string[] {
  return json.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
}
