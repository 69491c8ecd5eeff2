/** Payload format of Temporal's encryption samples: AES-256-GCM of the encoded payload, as nonce, ciphertext, tag. */
export const ENCRYPTED = 'binary/encrypted';
/** Metadata that names the key. */
export const KEY_ID = 'encryption-key-id';

type Metadata = { readonly [name: string]: Uint8Array } | null | undefined;

/** Id of the key that encrypted a payload, which anyone may have written; null for one that is not encrypted. */
export function keyIdOf(metadata: Metadata): string | null {
  if (text(metadata?.encoding) !== ENCRYPTED) return null;
  return text(metadata?.[KEY_ID]).replaceAll(/[^\w.-]/g, '?') || '(no id)';
}

/** Mark in a history, as `patched` writes it, that a run dropped what it received as `number`, its input and signals alike, for want of a key. */
export const dropMark = (number: number) => `dropped-${number}`;

/** At most 64 characters, as long as an id may be. Workflow code has no Buffer. */
const text = (bytes: Uint8Array = new Uint8Array()) => String.fromCharCode(...bytes.slice(0, 64));

/** Begins the message of a workflow task that failed for want of a key. The SDK hands on no more of such an error than its text. */
const LACKS_KEY = 'PayloadUnreadable: ';

/** Message of a workflow task that fails because its worker cannot read what the run needs. */
export const lacksKey = (why: string) => `${LACKS_KEY}${why}`;

/** Why a workflow task failed, if its worker could not read what the run needs; null for any other message. */
export const keyLackedBy = (message: string) =>
  message.startsWith(LACKS_KEY) ? message.slice(LACKS_KEY.length) : null;
