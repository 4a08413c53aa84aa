// Gives Node planted sources in place of the files' own. Plain JavaScript, since Node runs it in a thread of its own.
import { transform } from 'esbuild';

let planted = new Map();

export function initialize(modules) {
  planted = new Map(modules.map(({ url, source }) => [url, source]));
}

export async function load(url, context, nextLoad) {
  const [place] = url.split('?');
  const source = planted.get(place);
  if (source === undefined) return nextLoad(url, context);
  // Each says that it was loaded, so that a bug that never was planted is not said to be hard to find.
  const told = `(globalThis.plantedModules ??= []).push(${JSON.stringify(place)});`;
  const { code } = await transform(`${source}\n${told}`, {
    loader: 'ts',
    format: 'esm',
    target: 'node20',
    sourcefile: place,
  });
  return { format: 'module', source: code, shortCircuit: true };
}
