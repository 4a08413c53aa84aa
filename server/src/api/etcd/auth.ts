import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type ByteString,
  bytesFromWire,
  emptyBytes,
  type KeySelector,
  TableError,
  type WireBytes,
  type WirePermission,
  wireFromBytes,
} from '@lockstep/client/protocol';
import { anyone, type Service } from '../../service/service.ts';
import { headerOf } from './answers.ts';
import { arrayOf, bytesOf } from './bytes.ts';
import { Permission_Type as Kind, type PermissionSchema } from './gen/auth_pb.ts';
import type { Auth } from './gen/rpc_pb.ts';
import type { Handlers } from './grpc/method.ts';
import { GrpcError, grpcCodes } from './grpc/status.ts';

/** etcd's Auth service: users, roles, what they permit, and tokens. */
export function authHandlers(service: Service): Handlers<typeof Auth> {
  return {
    authEnable: async (_request, { context }) =>
      changed(await service.call('auth.enable', {}, context)),
    authDisable: async (_request, { context }) =>
      changed(await service.call('auth.disable', {}, context)),
    authStatus: async () => {
      const { header, enabled, authRevision } = await service.call('auth.status', {}, open);
      return { header: headerOf(header), enabled, authRevision: BigInt(authRevision) };
    },
    // Whoever asks for a token may have one that is not good any more.
    authenticate: async ({ name, password }) => {
      const { header, token } = await service.call('auth.login', { name, password }, open);
      return { header: headerOf(header), token };
    },
    userAdd: async ({ name, password, options, hashedPassword }, { context }) => {
      refuseHash(hashedPassword);
      const noPassword = options?.noPassword === true;
      const params = noPassword ? { name, noPassword } : { name, password };
      return changed(await service.call('auth.userAdd', params, context));
    },
    userGet: async ({ name }, { context }) => {
      const { header, roles } = await service.call('auth.userGet', { name }, context);
      return { header: headerOf(header), roles: [...roles] };
    },
    userList: async (_request, { context }) => {
      const { header, users } = await service.call('auth.userList', {}, context);
      return { header: headerOf(header), users: [...users] };
    },
    userDelete: async ({ name }, { context }) =>
      changed(await service.call('auth.userDelete', { name }, context)),
    userChangePassword: async ({ name, password, hashedPassword }, { context }) => {
      refuseHash(hashedPassword);
      return changed(await service.call('auth.userChangePassword', { name, password }, context));
    },
    userGrantRole: async ({ user, role }, { context }) =>
      changed(await service.call('auth.userGrantRole', { name: user, role }, context)),
    userRevokeRole: async ({ name, role }, { context }) =>
      changed(await service.call('auth.userRevokeRole', { name, role }, context)),
    roleAdd: async ({ name }, { context }) =>
      changed(await service.call('auth.roleAdd', { role: name }, context)),
    roleGet: async ({ role }, { context }) => {
      const { header, permissions } = await service.call('auth.roleGet', { role }, context);
      return { header: headerOf(header), perm: permissions.map(permissionOf) };
    },
    roleList: async (_request, { context }) => {
      const { header, roles } = await service.call('auth.roleList', {}, context);
      return { header: headerOf(header), roles: [...roles] };
    },
    roleDelete: async ({ role }, { context }) =>
      changed(await service.call('auth.roleDelete', { role }, context)),
    roleGrantPermission: async ({ name, perm }, { context }) => {
      if (perm === undefined) throw new TableError('permission_not_given');
      const permission = kinds[perm.permType];
      if (permission === undefined) throw new TableError('permission_not_given');
      const params = { role: name, permission, ...selectorOf(perm.key, perm.rangeEnd) };
      return changed(await service.call('auth.roleGrantPermission', params, context));
    },
    roleRevokePermission: async ({ role, key, rangeEnd }, { context }) => {
      const params = { role, ...selectorOf(key, rangeEnd) };
      return changed(await service.call('auth.roleRevokePermission', params, context));
    },
  };
}

/** In the order of etcd's numbers. */
const kinds = ['read', 'write', 'readwrite'] as const;
const firstKey = '\0' as ByteString;

function changed({ header }: { readonly header: Parameters<typeof headerOf>[0] }) {
  return { header: headerOf(header) };
}

/** For what nobody has to prove anything. */
const open = { caller: anyone };

/** A hash that somebody else made may be of any strength. @throws GrpcError `unimplemented`. */
function refuseHash(hashedPassword: string): void {
  if (hashedPassword === '') return;
  throw new GrpcError(
    grpcCodes.unimplemented,
    'hashed passwords are not taken: send the password, over TLS',
  );
}

/** An empty key begins with the first there is. */
function selectorOf(key: Uint8Array, rangeEnd: Uint8Array): KeySelector {
  const from = wireFromBytes(bytesOf(key) || firstKey);
  return rangeEnd.length === 0
    ? { key: from }
    : { key: from, rangeEnd: wireFromBytes(bytesOf(rangeEnd)) };
}

function permissionOf({
  permission,
  key,
  rangeEnd,
}: WirePermission): MessageInitShape<typeof PermissionSchema> {
  const bytes = (wire: WireBytes | undefined): Uint8Array =>
    arrayOf((wire === undefined ? undefined : bytesFromWire(wire)) ?? emptyBytes);
  return { permType: types[permission], key: bytes(key), rangeEnd: bytes(rangeEnd) };
}

const types = { read: Kind.READ, write: Kind.WRITE, readwrite: Kind.READWRITE } as const;
