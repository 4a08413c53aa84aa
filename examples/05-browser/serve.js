// Serves the page and the client's files: node examples/05-browser/serve.js, then open the address.
// The member has to allow the page: lockstep serve --allow-origin http://127.0.0.1:8000
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const client = dirname(dirname(fileURLToPath(import.meta.resolve('@lockstep/client'))));
const types = { '.html': 'text/html', '.js': 'text/javascript' };

const server = createServer((request, response) => {
  const path = normalize(new URL(request.url ?? '/', 'http://page').pathname);
  const name = path === '/' ? '/index.html' : path;
  const file = name.startsWith('/client/')
    ? join(client, name.slice('/client/'.length))
    : join(here, name);
  const type = types[extname(file)];
  if (type === undefined || !existsSync(file)) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-type': `${type}; charset=utf-8` });
  createReadStream(file).pipe(response);
});

server.listen(Number(process.env.PORT ?? 8000), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/`);
});
