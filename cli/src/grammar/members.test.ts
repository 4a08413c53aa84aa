import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settingKeys, settingName } from '@lockstep/server/config';
import { serveFlags } from './members.ts';

test('every setting of a member is a flag of serve, and every flag a setting', () => {
  const flags = serveFlags.map(([flag]) => flag.replace(/^--| .*$/g, ''));
  assert.deepEqual(flags.sort(), settingKeys.map(settingName).sort());
});
