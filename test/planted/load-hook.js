// Gives Node the planted source in place of the file's own. Plain JavaScript, since Node runs it in a thread of its own.
import { transform } from 'esbuild';

let planted;

export function initialize(data) {
  planted = data;
}

export async function load(url, context, nextLoad) {
  if (url.split('?')[0] !== planted.url) return nextLoad(url, context);
  // It says that it was loaded, so that a bug that never was planted is not said to be hard to find.
  const told = `globalThis.plantedBug = ${JSON.stringify(planted.name)};`;
  const { code } = await transform(`${planted.source}\n${told}`, {
    loader: 'ts',
    format: 'esm',
    target: 'node20',
    sourcefile: planted.url,
  });
  return { format: 'module', source: code, shortCircuit: true };
}
