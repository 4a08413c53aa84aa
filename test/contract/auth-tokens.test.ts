import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SystemCredentials } from '../../server/src/io/credentials.ts';
import { SimpleTokens } from '../../server/src/io/simple-tokens.ts';

const claims = { user: 'ada: "ü"', revision: 7, expiresAtMs: 1_900_000_000_000 };

/** Every way to change one character. */
function forged(token: string): string[] {
  return Array.from({ length: token.length }, (_, at) => {
    const other = token[at] === 'A' ? 'B' : 'A';
    return token.slice(0, at) + other + token.slice(at + 1);
  });
}

describe('a simple token', () => {
  const tokens = new SimpleTokens(1_000);

  test('says to every member that has the secret what it said to the one that made it', () => {
    assert.deepEqual(new SimpleTokens(1).read(tokens.issue(claims, 's'), 's'), claims);
  });

  test('is nothing to who has another secret or none, and when it was changed', () => {
    const token = tokens.issue(claims, 's');
    assert.equal(tokens.read(token, 't'), undefined);
    assert.equal(tokens.read(tokens.issue(claims, ''), ''), undefined);
    for (const bad of ['', '.', '..', token.split('.')[0] ?? '', `${token}.`, `${token}.x`]) {
      assert.equal(tokens.read(bad, 's'), undefined, bad);
    }
    // The last character of base64 has bits that mean nothing; what they say is the same.
    for (const bad of forged(token).slice(0, -1)) assert.equal(tokens.read(bad, 's'), undefined);
  });
});

describe('a JWT', () => {
  let folder = '';
  const keys = {
    RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ES256: generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
    ES384: generateKeyPairSync('ec', { namedCurve: 'secp384r1' }),
    EdDSA: generateKeyPairSync('ed25519'),
  };
  const kinds = [
    ['RS256', 'RS256'],
    ['RS512', 'RS256'],
    ['PS256', 'RS256'],
    ['ES256', 'ES256'],
    ['ES384', 'ES384'],
    ['EdDSA', 'EdDSA'],
  ] as const;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lockstep-jwt-'));
    for (const [name, { publicKey, privateKey }] of Object.entries(keys)) {
      const pem = (key: typeof publicKey) =>
        key.export({ format: 'pem', type: key.type === 'public' ? 'spki' : 'pkcs8' });
      await writeFile(join(folder, `${name}.pub`), pem(publicKey));
      await writeFile(join(folder, `${name}.key`), pem(privateKey));
    }
    await writeFile(join(folder, 'hmac'), 'a secret of the operator');
  });
  after(() => rm(folder, { recursive: true }));

  const open = async (authToken: string) =>
    (await SystemCredentials.open({ authToken, simpleTtlMs: 1 })).tokens;
  const spec = (method: string, pair: string) =>
    `jwt,sign-method=${method},pub-key=${folder}/${pair}.pub,priv-key=${folder}/${pair}.key,ttl=10m`;

  for (const [method, pair] of kinds) {
    test(`of ${method} is read by who has the public key, and only so`, async () => {
      const maker = await open(spec(method, pair));
      assert.equal(maker.ttlMs, 600_000);
      const token = maker.issue(claims, '');
      assert.ok(token !== undefined);
      const reader = await open(`jwt,sign-method=${method},pub-key=${folder}/${pair}.pub`);
      assert.deepEqual(reader.read(token, ''), claims);
      assert.equal(reader.issue(claims, ''), undefined);
      for (const bad of forged(token).slice(0, 120)) {
        assert.equal(reader.read(bad, ''), undefined);
      }
      const [header, payload] = token.split('.');
      assert.equal(reader.read(`${header}.${payload}.`, ''), undefined);
    });
  }

  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = (header: object, payload: object, secret: string) => {
    const said = `${part(header)}.${part(payload)}`;
    return `${said}.${createHmac('sha256', secret).update(said).digest('base64url')}`;
  };

  test('that another program made with the operator’s secret is taken, with etcd’s claims', async () => {
    const reader = await open(`jwt,sign-method=HS256,priv-key=${folder}/hmac`);
    const secret = 'a secret of the operator';
    const header = { alg: 'HS256', typ: 'JWT' };
    const payload = { username: 'ada', revision: 3, exp: 1_900_000_000 };
    assert.deepEqual(reader.read(signed(header, payload, secret), ''), {
      user: 'ada',
      revision: 3,
      expiresAtMs: 1_900_000_000_000,
    });
    for (const bad of [
      signed(header, payload, 'another secret'),
      signed({ alg: 'none' }, payload, secret),
      signed({ alg: 'HS512' }, payload, secret),
      signed(header, { ...payload, exp: undefined }, secret),
      signed(header, { ...payload, revision: '3' }, secret),
      signed(header, { ...payload, username: '' }, secret),
      signed(header, { ...payload, nbf: 1_900_000_000 }, secret),
    ]) {
      assert.equal(reader.read(bad, ''), undefined);
    }
  });

  test('whose method the token chooses, with the public key as a secret, is nothing', async () => {
    const reader = await open(spec('RS256', 'RS256'));
    const pem = String(keys.RS256.publicKey.export({ format: 'pem', type: 'spki' }));
    const payload = { username: 'root', revision: 3, exp: 1_900_000_000 };
    assert.equal(reader.read(signed({ alg: 'HS256' }, payload, pem), ''), undefined);
  });

  test('that cannot be as it was asked for is refused with what would be right', async () => {
    for (const [bad, message] of [
      ['oauth', /must be simple, or jwt/],
      ['simple,ttl=5m', /simple takes no options/],
      ['jwt', /needs sign-method=/],
      ['jwt,sign-method=none', /one of HS256, /],
      ['jwt,sign-method=HS256', /name its file with priv-key=/],
      ['jwt,sign-method=RS256', /needs pub-key=/],
      [`jwt,sign-method=RS256,priv-key=${folder}/none`, /priv-key cannot be read: ENOENT/],
      [`jwt,sign-method=RS256,priv-key=${folder}/hmac`, /priv-key is no key in PEM/],
      [`jwt,sign-method=RS256,pub-key=${folder}/EdDSA.pub`, /type ed25519, which RS256 does not/],
      [`jwt,sign-method=ES256,pub-key=${folder}/ES384.pub`, /ec \(secp384r1\), which ES256/],
      [`${spec('RS256', 'RS256')}x`, /ttl must be a time of at least a second/],
      ['jwt,sing-method=RS256', /jwt takes sign-method=, pub-key=/],
    ] as const) {
      await assert.rejects(open(bad), message, bad);
    }
  });
});

test('passwords are checked beside this thread, by bcrypt of cost 10', async () => {
  const credentials = await SystemCredentials.open({ authToken: 'simple', simpleTtlMs: 1 });
  const hash = await credentials.hash('pässword');
  assert.match(hash, /^\$2[aby]\$10\$.{53}$/);
  const outcomes = await Promise.all([
    credentials.matches('pässword', hash),
    credentials.matches('password', hash),
    // As Go's library writes them, which etcd uses.
    credentials.matches('pässword', hash.replace(/^\$2b/, '$2a')),
    credentials.matches('x', 'no hash'),
  ]);
  assert.deepEqual(outcomes, [true, false, true, false]);
  const unfinished = credentials.matches('pässword', hash);
  await Promise.all([assert.rejects(unfinished, /stopping/), credentials.close()]);
});
