import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MethodName, WireError } from '@lockstep/client/protocol';
import { connect, http, type OpenDoors, openDoors, type WireClient } from './doors.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests reach into whatever came.
export type Answer = any;

/** One door: a call and its refusal. */
export interface Door {
  readonly open: OpenDoors;
  call(method: MethodName, params: object): Promise<Answer>;
  refusal(method: MethodName, params: object): Promise<WireError>;
}

const doors: Record<string, (open: OpenDoors, wire: WireClient) => Door> = {
  WebSocket: (open, wire) => ({
    open,
    call: (method, params) => wire.call(method, params as never),
    refusal: (method, params) => wire.refusal(method, params),
  }),
  HTTP: (open) => ({
    open,
    call: async (method, params) => {
      const answer = await http(open, `/v1/${method}`, post(params));
      assert.equal(answer.status, 200, answer.text);
      return answer.json;
    },
    refusal: async (method, params) => {
      const { json } = await http(open, `/v1/${method}`, post(params));
      assert.ok(json.error !== undefined, `${method} was not refused: ${JSON.stringify(json)}`);
      return json.error;
    },
  }),
};

function post(params: object) {
  return { method: 'POST', body: JSON.stringify(params) };
}

/** The code and the beginning of the text, which is etcd's where etcd has the error. */
export async function refuses(
  door: Door,
  method: MethodName,
  params: object,
  [code, text]: readonly [string, string],
): Promise<WireError> {
  const error = await door.refusal(method, params);
  assert.equal(error.data.code, code, error.message);
  assert.ok(error.message.startsWith(text), `"${error.message}" does not begin with "${text}"`);
  return error;
}

export type Scenario = (claim: string, run: (door: Door) => Promise<void>) => void;

/** Defines each scenario once for every door; each runs on a store of its own. */
export function throughEveryDoor(define: (scenario: Scenario) => void): void {
  for (const [name, make] of Object.entries(doors)) {
    describe(`through ${name}`, () => {
      define((claim, run) => {
        test(claim, async (t) => {
          const open = await openDoors(t);
          await run(make(open, await connect(t, open)));
          assert.deepEqual(open.internalErrors, []);
        });
      });
    });
  }
}
