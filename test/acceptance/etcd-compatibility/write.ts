/** Writes the page of etcd's calls anew: `npm run generate:compatibility`. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { documentPath, documentText } from './document.ts';

writeFileSync(fileURLToPath(new URL(`../../../${documentPath}`, import.meta.url)), documentText());
