import type { ServerResponse } from 'node:http';
import type { CallContext, Service, SnapshotStream } from '../../service/service.ts';

/**
 * PROTOCOL [W-56]: the state of the member as one long body, made as fast as the client takes it. A client that goes
 * away, or takes nothing for so long that its connection is cut, lets go of it.
 * @throws TableError what it cannot be started for; nothing has been sent then.
 */
export async function sendSnapshot(
  service: Service,
  response: ServerResponse,
  options: { readonly serializable: boolean; readonly headOnly: boolean; context: CallContext },
): Promise<void> {
  const stream = await service.snapshot(options.serializable, options.context);
  try {
    const { revision } = stream.stamp;
    response.writeHead(200, {
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="lockstep-${revision}.snap"`,
      'lockstep-revision': revision,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
    if (!options.headOnly) await pour(stream, response);
    response.end();
  } catch {
    // The head is sent, so there is no other way to say that this is not all.
    response.destroy();
  } finally {
    stream.close();
  }
}

async function pour(stream: SnapshotStream, response: ServerResponse): Promise<void> {
  let wake = (): void => {};
  response.on('drain', () => wake());
  response.on('close', () => wake());
  for (;;) {
    const part = await stream.next();
    if (part === undefined || response.destroyed) return;
    if (response.write(part)) continue;
    await new Promise<void>((resolve) => {
      wake = resolve;
      if (response.destroyed || !response.writableNeedDrain) resolve();
    });
    if (response.destroyed) return;
  }
}
