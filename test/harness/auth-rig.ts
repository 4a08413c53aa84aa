import assert from 'node:assert/strict';
import type { PermissionKind, UnaryMethodName } from '@lockstep/client/protocol';
import { type Caller, createService } from '../../server/src/service/service.ts';
import { FakeCredentials } from './fake-credentials.ts';
import { MemoryStore } from './memory-store.ts';

/** A service over the dumb store, with rights that are changed at will. */
export class AuthRig {
  readonly store = new MemoryStore();
  readonly credentials = new FakeCredentials();
  now = 1_000_000;
  readonly service = createService({
    store: this.store,
    version: '0',
    credentials: this.credentials,
    wallMs: () => this.now,
  });

  constructor() {
    this.addUser('root');
    this.store.changeRights({ action: 'userGrantRole', name: 'root', role: 'root' });
  }

  addUser(name: string): void {
    const passwordHash = `hash of ${name}`;
    this.store.changeRights({ action: 'userAdd', name, passwordHash, noPassword: false });
  }

  /** `name` and a role of the same name, with these permissions. */
  user(name: string, ...permissions: readonly [PermissionKind, string, string?][]): this {
    this.addUser(name);
    this.store.changeRights({ action: 'roleAdd', role: name });
    this.store.changeRights({ action: 'userGrantRole', name, role: name });
    for (const [kind, key, rangeEnd = ''] of permissions) this.grant(name, kind, key, rangeEnd);
    return this;
  }

  grant(role: string, kind: PermissionKind, key: string, rangeEnd = ''): void {
    const permission = { kind, key: key as never, rangeEnd: rangeEnd as never };
    this.store.changeRights({ action: 'roleGrantPermission', role, permission });
  }

  revoke(role: string, key: string, rangeEnd = ''): void {
    const range = { key: key as never, rangeEnd: rangeEnd as never };
    this.store.changeRights({ action: 'roleRevokePermission', role, range });
  }

  enforce(): this {
    this.store.changeRights({ action: 'authEnable', secret: 's' });
    return this;
  }

  as(user: string): Caller {
    const { revision } = this.store.auth();
    const token = this.credentials.tokens.issue(
      { user, revision, expiresAtMs: this.now + 300_000 },
      's',
    );
    const caller = this.service.callers.of({ token });
    assert.ok(!(caller instanceof Promise));
    return caller;
  }

  /** What became of a call: `ok` or the code of its refusal. */
  async call(caller: Caller, method: UnaryMethodName, params: object): Promise<string> {
    try {
      await this.service.call(method, params as never, { caller });
      return 'ok';
    } catch (error) {
      return (error as { code: string }).code;
    }
  }
}
