import { Agent, type ClientRequest, request } from 'node:http';

export interface JsonAnswer {
  readonly status: number;
  readonly body: string;
}

const patienceMs = 20_000;

/** POSTs JSON to one address, over connections that are kept. */
export class JsonDoor {
  readonly #address: string;
  readonly #agent = new Agent({ keepAlive: true });

  /** @param address host:port */
  constructor(address: string) {
    this.#address = address;
  }

  post(path: string, body: unknown): Promise<JsonAnswer> {
    return new Promise((resolve, reject) => {
      const call = this.#open(path, body, this.#agent, (text, status) =>
        resolve({ status, body: text }),
      );
      call.setTimeout(patienceMs, () =>
        call.destroy(new Error(`${path} was not answered in ${patienceMs / 1000} s`)),
      );
      call.on('error', reject);
    });
  }

  /** POSTs and hands on each line of an answer that does not end. @returns what ends it. */
  stream(path: string, body: unknown, line: (text: string) => void, ended: () => void): () => void {
    let rest = '';
    const call = this.#open(path, body, false, ended, (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const each of lines) if (each !== '') line(each);
    });
    call.on('error', ended);
    return () => call.destroy();
  }

  #open(
    path: string,
    body: unknown,
    agent: Agent | false,
    done: (text: string, status: number) => void,
    piece?: (chunk: string) => void,
  ): ClientRequest {
    const text = JSON.stringify(body);
    const headers = {
      'content-type': 'application/json',
      'content-length': `${Buffer.byteLength(text)}`,
    };
    const call = request(
      `http://${this.#address}${path}`,
      { method: 'POST', agent, headers },
      (response) => {
        let all = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          if (piece === undefined) all += chunk;
          else piece(chunk);
        });
        response.on('error', (error) => call.destroy(error));
        response.on('end', () => done(all, response.statusCode ?? 0));
      },
    );
    call.end(text);
    return call;
  }

  close(): void {
    this.#agent.destroy();
  }
}
