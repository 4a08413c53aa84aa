/** The settings of TLS, for clients and for members, under etcd's names. */
import { z } from 'zod';
import { list, text, yesOrNo } from './config-kinds.ts';

/** One door that speaks TLS; see `TlsIdentityOptions`. */
export interface TlsSettings {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile?: string | undefined;
  readonly crlFile?: string | undefined;
  readonly allowedNames?:
    | { readonly kind: 'cn' | 'hostname'; readonly names: readonly string[] }
    | undefined;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3';
}

/** The doors that speak TLS; one that is absent speaks plaintext. */
export interface TlsDoors {
  readonly clientTls?: TlsSettings;
  readonly peerTls?: TlsSettings;
}

const versions = ['TLS1.2', 'TLS1.3'] as const;
const version = z.enum(versions, `must be ${versions.join(' or ')}`);

export const tlsSchema = {
  certFile: text.optional(),
  keyFile: text.optional(),
  trustedCaFile: text.optional(),
  clientCertAuth: yesOrNo.optional(),
  clientCrlFile: text.optional(),
  clientCertAllowedCn: list.optional(),
  clientCertAllowedHostname: list.optional(),
  peerCertFile: text.optional(),
  peerKeyFile: text.optional(),
  peerTrustedCaFile: text.optional(),
  peerClientCertAuth: yesOrNo.optional(),
  peerCrlFile: text.optional(),
  peerCertAllowedCn: list.optional(),
  peerCertAllowedHostname: list.optional(),
  tlsMinVersion: version.optional(),
  tlsMaxVersion: version.optional(),
} as const;

type Given = { readonly [Key in keyof typeof tlsSchema]?: z.infer<(typeof tlsSchema)[Key]> };
type Key = keyof typeof tlsSchema;

interface Found {
  readonly problems: string[];
  say(key: Key): string;
}

/** What the settings mean together; what cannot work goes to `problems`. */
export function tlsDoors(given: Given, found: Found): TlsDoors {
  const { problems, say } = found;
  const { tlsMinVersion = 'TLS1.2', tlsMaxVersion = 'TLS1.3' } = given;
  if (tlsMinVersion > tlsMaxVersion) {
    problems.push(
      `${say('tlsMinVersion')} is ${tlsMinVersion} and ${say('tlsMaxVersion')} ${tlsMaxVersion}: no version is left`,
    );
  }
  const clientTls = door(given, clientKeys, found);
  const peerTls = door(given, peerKeys, found);
  const { certFile, keyFile, trustedCaFile, clientCertAuth } = given;
  if (certFile !== undefined && keyFile !== undefined) {
    if (clientCertAuth === true && trustedCaFile === undefined) {
      problems.push(
        `${say('clientCertAuth')} needs ${say('trustedCaFile')}: whose certificates shall clients show?`,
      );
    }
    if (clientCertAuth === false && trustedCaFile !== undefined) {
      problems.push(
        `${say('trustedCaFile')} is what certificates of clients are verified against, and ${say('clientCertAuth')} is false: leave one of them out`,
      );
    }
  }
  if (peerTls !== undefined) {
    if (peerTls.caFile === undefined) {
      problems.push(
        `${say('peerCertFile')} needs ${say('peerTrustedCaFile')}: members verify each other, both ways`,
      );
    }
    if (given.peerClientCertAuth === false) {
      problems.push(`${say('peerClientCertAuth')} is false: members always verify each other`);
    }
  }
  return {
    ...(clientTls === undefined ? {} : { clientTls }),
    ...(peerTls === undefined ? {} : { peerTls }),
  };
}

/** Which settings are those of a door. */
interface DoorKeys {
  readonly cert: Key & ('certFile' | 'peerCertFile');
  readonly key: Key & ('keyFile' | 'peerKeyFile');
  readonly ca: Key & ('trustedCaFile' | 'peerTrustedCaFile');
  readonly crl: Key & ('clientCrlFile' | 'peerCrlFile');
  readonly cn: Key & ('clientCertAllowedCn' | 'peerCertAllowedCn');
  readonly hostname: Key & ('clientCertAllowedHostname' | 'peerCertAllowedHostname');
  readonly auth: Key & ('clientCertAuth' | 'peerClientCertAuth');
}

const clientKeys: DoorKeys = {
  cert: 'certFile',
  key: 'keyFile',
  ca: 'trustedCaFile',
  crl: 'clientCrlFile',
  cn: 'clientCertAllowedCn',
  hostname: 'clientCertAllowedHostname',
  auth: 'clientCertAuth',
};

const peerKeys: DoorKeys = {
  cert: 'peerCertFile',
  key: 'peerKeyFile',
  ca: 'peerTrustedCaFile',
  crl: 'peerCrlFile',
  cn: 'peerCertAllowedCn',
  hostname: 'peerCertAllowedHostname',
  auth: 'peerClientCertAuth',
};

function door(given: Given, keys: DoorKeys, { problems, say }: Found): TlsSettings | undefined {
  const [certFile, keyFile] = [given[keys.cert], given[keys.key]];
  const [caFile, crlFile] = [given[keys.ca], given[keys.crl]];
  const [cn = [], hostname = []] = [given[keys.cn], given[keys.hostname]];
  if (certFile === undefined || keyFile === undefined) {
    const [has, lacks] = certFile === undefined ? [keys.key, keys.cert] : [keys.cert, keys.key];
    const others = [keys.key, keys.ca, keys.crl, keys.cn, keys.hostname, keys.auth] as const;
    const other = others.find((key) => given[key] !== undefined && given[key] !== false);
    // One problem for the door: what is missing first.
    if (given[has] !== undefined) problems.push(`${say(has)} needs ${say(lacks)} beside it`);
    else if (other !== undefined) {
      problems.push(`${say(other)} means TLS, which needs ${say(keys.cert)} and ${say(keys.key)}`);
    }
    return undefined;
  }
  for (const key of [keys.crl, keys.cn, keys.hostname] as const) {
    if (given[key] !== undefined && caFile === undefined) {
      problems.push(`${say(key)} needs ${say(keys.ca)}: no certificate is asked for without it`);
    }
  }
  if (cn.length > 0 && hostname.length > 0) {
    problems.push(`${say(keys.cn)} and ${say(keys.hostname)} exclude each other; give one of them`);
  }
  const allowedNames =
    cn.length > 0
      ? { kind: 'cn' as const, names: cn }
      : hostname.length > 0
        ? { kind: 'hostname' as const, names: hostname }
        : undefined;
  const { tlsMinVersion = 'TLS1.2', tlsMaxVersion = 'TLS1.3' } = given;
  return {
    ...{ certFile, keyFile, caFile, crlFile, allowedNames },
    minVersion: nodeVersions[tlsMinVersion],
    maxVersion: nodeVersions[tlsMaxVersion],
  };
}

const nodeVersions = { 'TLS1.2': 'TLSv1.2', 'TLS1.3': 'TLSv1.3' } as const;
