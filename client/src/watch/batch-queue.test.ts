import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BatchQueue } from './batch-queue.ts';

function queueOf(sizeMax: number): { queue: BatchQueue<number>; taken: () => number } {
  let taken = 0;
  const queue = new BatchQueue<number>(sizeMax, () => {
    taken++;
  });
  return { queue, taken: () => taken };
}

test('what goes in comes out in order, however often the queue runs empty', async () => {
  const { queue, taken } = queueOf(1e9);
  const out: number[] = [];
  for (let at = 0; at < 5_000; at++) {
    queue.push(at, 1);
    if (at % 3 > 0) out.push((await queue.take()).value ?? -1);
  }
  while (out.length < 5_000) out.push((await queue.take()).value ?? -1);
  assert.deepEqual(
    out,
    Array.from({ length: 5_000 }, (_, at) => at),
  );
  assert.equal(taken(), 5_000);
});

test('one who waits gets the next batch at once, and it takes no room', async () => {
  const { queue } = queueOf(1);
  const next = queue.take();
  queue.push(7, 100);
  assert.deepEqual(await next, { done: false, value: 7 });
  assert.equal(queue.isFull, false);
});

test('full and half empty are told by size', async () => {
  const { queue } = queueOf(10);
  for (const size of [4, 4, 4]) queue.push(0, size);
  assert.deepEqual([queue.isFull, queue.isHalfEmpty], [true, false]);
  await queue.take();
  assert.deepEqual([queue.isFull, queue.isHalfEmpty], [false, false]);
  await queue.take();
  assert.deepEqual([queue.isFull, queue.isHalfEmpty], [false, true]);
});

test('an error comes after what was received, abandoning at once, finishing quietly', async () => {
  const failed = queueOf(10).queue;
  failed.push(1, 1);
  failed.fail(new Error('over'));
  failed.push(2, 1);
  assert.equal((await failed.take()).value, 1);
  await assert.rejects(failed.take(), /over/);
  await assert.rejects(failed.take(), /over/);
  const abandoned = queueOf(10).queue;
  abandoned.push(1, 1);
  abandoned.abandon(new Error('over'));
  await assert.rejects(abandoned.take(), /over/);
  const finished = queueOf(10).queue;
  finished.push(1, 1);
  finished.finish();
  assert.equal((await finished.take()).done, true);
});
