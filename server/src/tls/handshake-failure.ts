import type { TLSSocket } from 'node:tls';

/** Why a caller was refused; undefined when nobody refused him, and he left by himself, as a port scan does. */
export function callerRefusal(error: NodeJS.ErrnoException, socket: TLSSocket): string | undefined {
  // A certificate that is not good enough is told by the socket alone: by a code, whatever Node's types say.
  const verdict: unknown = socket.authorizationError;
  if (typeof verdict === 'string')
    return handshakeFailure(Object.assign(new Error(verdict), { code: verdict }));
  return error.code === 'ECONNRESET' ? undefined : handshakeFailure(error);
}

/** Words for what ends a handshake; everything else is told as the system tells it. */
export function handshakeFailure(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE':
      return 'it showed no certificate';
    case 'CERT_HAS_EXPIRED':
      return 'its certificate has expired';
    case 'CERT_NOT_YET_VALID':
      return 'its certificate is not valid yet';
    case 'CERT_REVOKED':
      return 'its certificate was revoked';
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'CERT_SIGNATURE_FAILURE':
      return `no authority that is trusted here has signed its certificate (${error.code})`;
    case 'INVALID_PURPOSE':
      return 'its certificate is not meant for this side of a connection: members need serverAuth and clientAuth';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `its certificate is for another name: ${error.message}`;
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_HTTP_REQUEST':
      return 'it does not speak TLS';
    case 'ERR_SSL_UNSUPPORTED_PROTOCOL':
      return 'it speaks a version of TLS that is not allowed here';
    case 'ERR_TLS_HANDSHAKE_TIMEOUT':
      return 'its handshake took too long';
    default:
      return error.message;
  }
}

/** Whether the first bytes are those of a TLS record that holds a handshake (RFC 8446, 5.1). */
export function looksLikeTls(bytes: Uint8Array): boolean {
  return bytes[0] === 22 && (bytes.length < 2 || bytes[1] === 3);
}
