// A Redis for the examples: the one at REDIS_URL, or one inside this process that holds nothing.
import { Redis } from 'ioredis';
import RedisMock from 'ioredis-mock';

export function createRedis() {
  const url = process.env.REDIS_URL;
  return url === undefined ? new RedisMock() : new Redis(url);
}
