import IORedisMock from 'ioredis-mock';
import type { RedisKind } from '../harness/redis.ts';
import { fenceSuite } from '../harness/redis-fence-suite.ts';
import { mirrorSuite } from '../harness/redis-mirror-suite.ts';

/** All of its clients share what it holds. The end-to-end tests have a real server. */
const mock: RedisKind = {
  name: 'mock',
  isServer: false,
  connect: (options = {}) => new IORedisMock(options),
};

fenceSuite(mock);
mirrorSuite(mock);
