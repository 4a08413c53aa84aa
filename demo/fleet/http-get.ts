import { request } from 'node:http';

/** One GET to a port of 127.0.0.1, on a connection of its own. @throws Error when there is no answer in that time. */
export function get(
  port: number,
  path: string,
  msMax: number,
  signal?: AbortSignal,
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const late = AbortSignal.timeout(msMax);
    const within = signal === undefined ? late : AbortSignal.any([signal, late]);
    const options = { host: '127.0.0.1', port, path, agent: false, signal: within };
    const call = request(options, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    call.once('error', reject);
    call.end();
  });
}
