/**
 * Commands whose first argument is their only key, which is what a script must declare for a Redis Cluster. Those that read
 * are here so that what is read and then written is under one token. None of them waits.
 */
export const fencedCommands: ReadonlySet<string> = new Set(
  [
    'append decr decrby del expire get getdel getset incr incrby incrbyfloat persist pexpire psetex set setex setnx setrange unlink',
    'hdel hget hgetall hincrby hincrbyfloat hmget hset hsetnx',
    'lpop lpush lrange lrem lset ltrim rpop rpush',
    'sadd smembers spop srem',
    'xadd xtrim zadd zincrby zrange zrem zremrangebyrank zremrangebyscore',
  ].flatMap((line) => line.split(' ')),
);
