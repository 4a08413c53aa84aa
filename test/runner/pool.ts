/** Runs tasks in their order, at most `width` at a time. */
export async function inPool(
  width: number,
  tasks: readonly (() => Promise<void>)[],
): Promise<void> {
  const queue = [...tasks];
  const worker = async () => {
    for (let task = queue.shift(); task !== undefined; task = queue.shift()) await task();
  };
  await Promise.all(Array.from({ length: width }, worker));
}
