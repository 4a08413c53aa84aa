/** Why there is no TLS with a member, as a sentence part that says what to do; undefined for anything else. */
export function tlsSentence({ code, message }: Error & { code?: string }): string | undefined {
  switch (code) {
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'CERT_SIGNATURE_FAILURE':
      return `no authority that is trusted here has signed its certificate: name that with tls.ca, or --cacert (${code})`;
    case 'CERT_HAS_EXPIRED':
      return 'its certificate has expired';
    case 'CERT_NOT_YET_VALID':
      return "its certificate is not valid yet: is this machine's clock right?";
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `its certificate is for another name: ${message.replace(/^.*altnames?: /i, '')}`;
    case 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED':
      return 'it wants a certificate of this client: give tls.cert and tls.key, or --cert and --key';
    case 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA':
    case 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE':
    case 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED':
    case 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED':
    case 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN':
    case 'ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE':
      return `it does not take this client's certificate (${code
        .replace(/^.*ALERT_/, '')
        .toLowerCase()
        .replaceAll('_', ' ')})`;
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
      return 'it does not speak TLS: write http:// and leave certificates out';
    case 'EPROTO':
      return /wrong version number/.test(message)
        ? 'it does not speak TLS: write http:// and leave certificates out'
        : message;
    default:
      return undefined;
  }
}
