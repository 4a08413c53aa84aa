import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Health } from '../../server/src/api/etcd/gen/health_pb.ts';
import { ServerReflection } from '../../server/src/api/etcd/gen/reflection-v1_pb.ts';
import { ServerReflection as Alpha } from '../../server/src/api/etcd/gen/reflection-v1alpha_pb.ts';
import { openDoors } from '../harness/doors.ts';
import { GrpcClient } from '../harness/grpc-client.ts';

async function open(t: TestContext) {
  const { doors, store } = await openDoors(t);
  const client = new GrpcClient(doors.address);
  t.after(() => client.close());
  return { client, store };
}

test('whoever asks what there is can read it, in both versions of the question', async (t) => {
  const { client } = await open(t);
  for (const { method } of [ServerReflection, Alpha]) {
    const asked = client.open(method.serverReflectionInfo, () => {});
    asked.send({ messageRequest: { case: 'listServices', value: '' } });
    asked.send({ messageRequest: { case: 'fileContainingSymbol', value: 'etcdserverpb.KV' } });
    asked.send({ messageRequest: { case: 'fileContainingSymbol', value: 'etcdserverpb.KV.Put' } });
    asked.send({ messageRequest: { case: 'fileByFilename', value: 'kv.proto' } });
    asked.send({ messageRequest: { case: 'fileContainingSymbol', value: 'no.Such' } });
    asked.end();
    const { code, answers } = await asked.done;
    assert.equal(code, 0);
    const [list, symbol, , file, missing] = answers.map((answer) => answer.messageResponse);
    assert.ok(list?.case === 'listServicesResponse');
    const names = list.value.service.map((service) => service.name);
    for (const name of ['etcdserverpb.KV', 'v3lockpb.Lock', 'grpc.health.v1.Health']) {
      assert.ok(names.includes(name), name);
    }
    assert.ok(symbol?.case === 'fileDescriptorResponse');
    const files = symbol.value.fileDescriptorProto.map(
      (bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name,
    );
    assert.deepEqual(files, ['rpc.proto', 'auth.proto', 'kv.proto']);
    assert.ok(file?.case === 'fileDescriptorResponse');
    assert.ok(missing?.case === 'errorResponse');
    assert.equal(missing.value.errorCode, 5);
  }
});

test('a member serves while it knows a leader', async (t) => {
  const { client, store } = await open(t);
  const check = Health.method.check;
  const statusOf = async (service: string) =>
    (await client.call(check, { service })).answers[0]?.status;
  assert.equal(await statusOf(''), 1);
  assert.equal(await statusOf('etcdserverpb.KV'), 1);
  assert.equal((await client.call(check, { service: 'no.Such' })).code, 5);
  store.hasLeader = false;
  assert.equal(await statusOf(''), 2);
});
