import { constants } from "node:crypto";
import type { SecureContextOptions, TlsOptions } from "node:tls";

/**
 * TLS as Mozilla's guideline 5.7 has it for "intermediate" compatibility (R30): 1.2 and 1.3, forward
 * secrecy and authenticated encryption always. Without its DHE suites, which no browser needs that
 * is in use, and which would need parameters of their own.
 */
export const tlsSettings: TlsOptions & SecureContextOptions = {
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.3",
  ciphers: [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
  ].join(":"),
  ecdhCurve: "X25519:prime256v1:secp384r1",
  // Ours is the order, except for a client that puts ChaCha20 first: a phone without AES in hardware.
  honorCipherOrder: true,
  secureOptions:
    constants.SSL_OP_PRIORITIZE_CHACHA |
    constants.SSL_OP_NO_RENEGOTIATION |
    constants.SSL_OP_NO_COMPRESSION,
  ALPNProtocols: ["h2", "http/1.1"],
};
