import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../clock.ts';
import { type ClientAuth, Login } from './login.ts';

class Rig {
  now = 0;
  readonly sent: unknown[] = [];
  #timers: { at: number; run: () => void }[] = [];
  readonly login: Login;

  constructor(auth: ClientAuth) {
    const clock: Clock = {
      now: () => this.now,
      wall: () => this.now,
      random: () => 0,
      after: (ms, run) => {
        const timer = { at: this.now + ms, run };
        this.#timers.push(timer);
        return () => {
          this.#timers = this.#timers.filter((other) => other !== timer);
        };
      },
    };
    this.login = new Login(auth, clock, (frame) => this.sent.push(JSON.parse(frame).params));
  }

  pass(ms: number): void {
    this.now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.now);
    this.#timers = this.#timers.filter(({ at }) => at > this.now);
    for (const { run } of due) run();
  }

  take(): unknown[] {
    return this.sent.splice(0);
  }
}

const ada = { name: 'ada', password: 'a' };
const refused = (code: string, retryable = false) => ({
  code: 1,
  message: code,
  data: { code, retryable },
});

test('the next connection is entered with the token of the last, while that is good', () => {
  const rig = new Rig(ada);
  rig.login.up();
  rig.login.reply({ token: 't', expiresInMs: 60_000 }, undefined);
  rig.login.down();
  rig.login.up();
  assert.deepEqual(rig.take(), [ada, { token: 't' }]);
  rig.login.reply(undefined, refused('invalid_auth_token'));
  assert.deepEqual(rig.take(), [ada], 'and with the password where the token is not taken');
  rig.login.reply({ token: 'u', expiresInMs: 60_000 }, undefined);
  rig.login.down();
  rig.pass(56_000);
  rig.login.up();
  assert.deepEqual(rig.take(), [ada], 'or has no time left');
});

test('a token is renewed before it runs out, and not after the connection is gone', () => {
  const rig = new Rig(ada);
  rig.login.up();
  rig.login.reply({ token: 't', expiresInMs: 100_000 }, undefined);
  rig.take();
  rig.pass(79_000);
  assert.deepEqual(rig.take(), []);
  rig.pass(1_000);
  assert.deepEqual(rig.take(), [ada]);
  rig.login.reply({ token: 'u', expiresInMs: 100_000 }, undefined);
  rig.login.down();
  rig.pass(200_000);
  assert.deepEqual(rig.take(), []);
});

test('a member that is busy is asked again, one that refuses is not', () => {
  const rig = new Rig(ada);
  rig.login.up();
  rig.login.reply(undefined, refused('too_many_requests', true));
  rig.take();
  rig.pass(500);
  assert.deepEqual(rig.take(), [ada]);
  const wrong = refused('auth_failed');
  rig.login.reply(undefined, wrong);
  rig.pass(60_000);
  assert.deepEqual(rig.take(), []);
  assert.equal(rig.login.seen(refused('user_name_empty')), wrong, 'its callers are told why');
  const other = refused('no_leader');
  assert.equal(rig.login.seen(other), other);
});

test('a call that finds its login gone may be tried again, after one login for all of them', () => {
  const rig = new Rig(ada);
  rig.login.up();
  rig.login.reply(undefined, refused('auth_not_enabled'));
  rig.take();
  for (const code of ['user_name_empty', 'user_name_empty', 'invalid_auth_token']) {
    assert.deepEqual(rig.login.seen(refused(code)), refused(code, true));
  }
  assert.deepEqual(rig.take(), [ada]);
});
