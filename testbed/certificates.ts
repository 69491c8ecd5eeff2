import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';

/** A certificate and its key, as PEM and for issuing others. */
export interface Certificate {
  cert: string;
  key: string;
  name: string;
  privateKey: KeyObject;
}

/** Makes an X.509 v3 certificate of an elliptic curve, valid for a day: Node makes none itself, and openssl is not everywhere.
 * @param issuer without one it is a CA, signed on its own; @param hosts names and IPv4 addresses of a server; @param shiftMs moves its validity. */
export function makeCertificate(name: string, issuer?: Certificate, hosts: string[] = [], shiftMs = 0): Certificate {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const alternatives = hosts.map((host) =>
    isIPv4(host) ? der(0x87, Buffer.from(host.split('.').map(Number))) : der(0x82, Buffer.from(host)),
  );
  const extensions = [
    ...(issuer ? [] : [extension('2.5.29.19', sequence(der(0x01, Buffer.from([0xff]))))]), // basicConstraints: CA
    ...(hosts.length > 0 ? [extension('2.5.29.17', sequence(...alternatives))] : []), // subjectAltName
  ];
  const content = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))), // version 3
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_WITH_SHA256,
    nameOf(issuer?.name ?? name),
    sequence(timeAt(shiftMs - 3_600_000), timeAt(shiftMs + 86_400_000)),
    nameOf(name),
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
    ...(extensions.length > 0 ? [der(0xa3, sequence(...extensions))] : []),
  );
  const signature = sign('sha256', content, issuer?.privateKey ?? privateKey);
  const whole = sequence(content, ECDSA_WITH_SHA256, der(0x03, Buffer.from([0]), signature));
  const lines = whole.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    name,
    privateKey,
  };
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), content]);
}

const sequence = (...parts: Buffer[]) => der(0x30, ...parts);

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = rest.flatMap((part) => {
    const groups = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return der(0x06, Buffer.from([first * 40 + second, ...bytes]));
}

const ECDSA_WITH_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const extension = (id: string, value: Buffer) => sequence(oid(id), der(0x04, value));
const nameOf = (text: string) => sequence(der(0x31, sequence(oid('2.5.4.3'), der(0x0c, Buffer.from(text)))));

/** UTCTime, `YYMMDDhhmmssZ`. */
function timeAt(offsetMs: number): Buffer {
  const iso = new Date(Date.now() + offsetMs).toISOString();
  return der(0x17, Buffer.from(`${iso.slice(2, 19).replaceAll(/[-T:]/g, '')}Z`));
}
